//! What a radius says of scores: the least that a row within it can truly score.
//!
//! A row is within a radius where its key is below `Decoder::key_limit`, which may be a rounding too wide but leaves no hit out. So the
//! number d^ that the device computed for it, of which the key has the order, is at most V (for similarities: at least V), the number of the
//! last key below the limit. The bound E of `bound.rs` and `direct.rs` holds for the score s' of stage A against s^, the score that belongs
//! to d^: the error of d^ is part of it. Hence s' + E >= s^ >= T, and with M >= s' the largest score of the bin, M + E >= T. M and T are f32
//! numbers, E is rounded up, and rounding their sum to the nearest keeps the order. What belongs to d^, and so T, is
//!
//! | metric | s^ | T |
//! |---|---|---|
//! | L2 and what is made of it (its root, haversine) | (\|q\|^2 - d^) / 2 | (\|q\|^2 - V) / 2 |
//! | inner products and what is made of them (cosine, correlation, Hellinger), Jaccard | d^ | V |
//! | Kullback-Leibler by sums | sum q log2 q - d^ / ln 2 | sum q log2 q - V / ln 2 |
//! | Kullback-Leibler by products with logarithms | sum q ln q - d^ | sum q ln q - V |
//! | other sums over the elements | -d^ | -V |
//! | bits that differ | dim - d^ | dim - V |
//! | bits' quotients (Jaccard, dice, Russell and Rao) | floor(2^24 both / any), or both | the same of a row whose quotient is V + 2^-32 |
//!
//! A key of a quotient is the whole part of 2^32 of it, so what is below the limit is less than 2^-32 above V; with v = V + 2^-32, both / any is
//! more than 1 - v (Jaccard) or (1 - v) / (1 + v) (dice, which is (any - both) / (any + both)), and both more than dim (1 - v).
//!
//! q being the query as the device has it. What stage A raises to -2^124, because it is farther than that, only comes nearer to T. The sums
//! are taken in f64, whose errors, d 2^-53 of the terms' magnitudes, `MARGIN` holds up to 2^24 elements; where a device takes subnormal elements
//! for 0, |q|^2 is off by less than the floor of E. T is then rounded down to f32, past the subnormal numbers, which a device may take for 0.
//! Scores that are exact are whole numbers, or halves of them, below 2^23, where a margin of less than a sixteenth moves T past none of them.

use crate::metric::Metric;
use crate::space;
use std::f64::consts::E;

/// Of the magnitudes of a sum in f64, more than its roundings may amount to.
const MARGIN: f64 = 1.0 / (1 << 28) as f64;

/// What scores are of distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Score {
    /// (|q|^2 - d) / 2.
    Halved,
    /// The similarity itself.
    Same,
    /// The negative distance.
    Negative,
    /// (sum q ln q - d) / ln of this base.
    Entropy(f64),
    /// The bits that do not differ, of so many.
    Alike(f64),
    /// 2^24 of the share that both have of what either has, by Jaccard's distance.
    Share,
    /// The same by dice's.
    DiceShare,
    /// The bits that both have, of so many.
    Both(f64),
}

impl Score {
    /// That of a metric which stage A has scores for; `logs`: where it multiplies logarithms.
    pub fn of(metric: &Metric, dim: usize, logs: bool) -> Option<Score> {
        use Metric::*;
        let dim = dim as f64;
        match metric {
            L2 | SqrtL2 | Haversine => Some(Score::Halved),
            InnerProduct | Cosine | CosineDistance | Correlation | Hellinger | Jaccard => {
                Some(Score::Same)
            }
            L1 | Linf | Lp(_) | Canberra | BrayCurtis | JensenShannon | NanEuclidean => {
                Some(Score::Negative)
            }
            KlDivergence => Some(Score::Entropy(if logs { E } else { 2.0 })),
            Hamming => Some(Score::Alike(dim)),
            BitJaccard => Some(Score::Share),
            Dice => Some(Score::DiceShare),
            RusselRao => Some(Score::Both(dim)),
            _ => None,
        }
    }

    /// At most what a row scores whose exact distance is `last` or nearer, for a query as the device has it; less what scores of it leave out
    /// (of products alone), and the magnitudes of that.
    pub fn least(self, query: &[f32], last: f64, (left_out, terms): (f64, f64)) -> f32 {
        // of quotients, and the whole part, of what may have been rounded down
        let beyond = last + 2f64.powi(-32);
        let whole = |value: f64| (value - 1e-6).floor();
        let (score, size) = match self {
            Score::Halved => {
                let square = space::square(query);
                ((square - last) / 2.0, square + last.abs())
            }
            Score::Same => (last, 0.0),
            Score::Negative => (-last, 0.0),
            Score::Entropy(base) => {
                let unit = base.ln();
                let terms = query.iter().map(|&q| f64::from(q)).filter(|&q| q > 0.0);
                let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), q| {
                    let term = q * q.ln() / unit;
                    (sum + term, size + term.abs())
                });
                (sum - last / unit, size + last.abs() / unit)
            }
            Score::Alike(dim) => (dim - last, 0.0),
            Score::Share => (whole(16_777_216.0 * (1.0 - beyond)), 0.0),
            Score::DiceShare => (whole(16_777_216.0 * (1.0 - beyond) / (1.0 + beyond)), 0.0),
            Score::Both(dim) => (whole(dim * (1.0 - beyond)), 0.0),
        };
        down(score - left_out - (size + terms) * MARGIN)
    }
}

/// The next f32 below that is finite, and 0 or normal.
fn down(value: f64) -> f32 {
    let near = value as f32;
    let below = if f64::from(near) > value { near.next_down() } else { near };
    if below.is_subnormal() { -f32::MIN_POSITIVE } else { below.max(f32::MIN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_rounded_down() {
        assert_eq!((down(1.0), down(0.0), down(-2.5)), (1.0, 0.0, -2.5));
        assert_eq!(down(1.0 + 1e-12), 1.0);
        assert_eq!(down(1.0 - 1e-12), 1f32.next_down());
        assert_eq!(down(-1.0 - 1e-12), (-1f32).next_down());
        assert_eq!((down(1e300), down(-1e300)), (f32::MAX, f32::MIN));
        assert_eq!((down(1e-40), down(-1e-60)), (-f32::MIN_POSITIVE, -f32::MIN_POSITIVE));
    }

    #[test]
    fn a_row_at_the_radius_scores_no_less() {
        // whole numbers, whose scores f32 has: 3^2 + 4^2 less 5, halved
        let none = (0.0, 0.0);
        let least = Score::Halved.least(&[3.0, 4.0], 5.0, none);
        assert!(least <= 10.0 && least > 9.99, "{least}");
        let least = Score::Halved.least(&[3.0, 4.0], 5.0, (7.0, 9.0));
        assert!(least <= 3.0 && least > 2.99, "{least}");
        assert_eq!(Score::Same.least(&[3.0], 0.25, none), 0.25);
        assert_eq!(Score::Negative.least(&[3.0], 0.25, none), -0.25);
        // of (1/2, 1/2) against (1/4, 3/4): q . log2 x is what it is of
        let x = [0.25f64, 0.75];
        let score = 0.5 * x[0].log2() + 0.5 * x[1].log2();
        let distance = 0.5 * (0.5 / x[0]).ln() + 0.5 * (0.5 / x[1]).ln();
        for (logs, score) in [(false, score), (true, score * 2f64.ln())] {
            let of = Score::of(&Metric::KlDivergence, 3, logs).unwrap();
            let least = f64::from(of.least(&[0.5, 0.5, 0.0], distance, none));
            assert!(least <= score && least > score - 1e-6, "{least}, not {score}");
        }
    }
}

//! tau: how far the f32 result of the one rescoring function may lie from the metric in real arithmetic.

use super::distance::{SHORTEST, centred, norm, pairs, relative, sum};
use crate::dtype::{DType, MAX_INTEGER_DIM};
use crate::metric::Metric;

/// Half a unit in the last place of f32, relative: what rounding to nearest may be off by.
const U: f64 = 1.0 / (1 << 24) as f64;
/// The smallest normal f32, 2^-126.
const TINY: f64 = f32::MIN_POSITIVE as f64;
/// What a `sqrt` may be off by, relative: WGSL allows it the error of `1 / inverseSqrt(x)`.
const ROOT: f64 = 9.0 * U;

/// How far an f32 result may lie from real arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tau {
    /// In the comparison that orders rows: two rows may stand in the wrong order only where their values differ by
    /// no more than the sum of their taus.
    pub order: f64,
    /// In the value that is returned, after roots, quotients and conversions that do not take part in the order.
    pub value: f64,
}

impl Tau {
    pub(super) fn both(tau: f64) -> Tau {
        Tau { order: tau, value: tau }
    }
}

/// The stated tolerance between the f32 result and `m`, the value of [`distance`](super::distance) for this pair.
///
/// `dtypes` are those in which the query and the row are stored. Costs a pass over the pair, for most metrics.
///
/// # Assumptions
/// u = 2^-24. Additions, subtractions, products and `fma` round to the nearest f32, as every GPU does that we know
/// of. The other functions are as bad as WGSL allows: division 2.5 ulp = 5u relative; `inverseSqrt` 2 ulp, so
/// `sqrt` 9u; `log` 2^-21 = 8u absolute within `[0.5, 2]` and 3 ulp = 6u relative outside; `exp2(y)` 3 + 2|y| ulp =
/// (6 + 4|y|)u. A result below 2^-126 may be flushed to zero, and so may a stored element: f(v) is |v| for 0 < |v| < 2^-126 and 0
/// otherwise, F the sum of f over the elements of both vectors. Rows of normal numbers have F = 0. g(k) = ku / (1 - ku) bounds k roundings in
/// a row (Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1).
///
/// Scanned metrics are rescored over 32 lanes and a tree: an element passes t + 5 sums, with t = ceil(d/32). Direct
/// metrics are summed in the order of the dimensions: an element passes at most d sums.
///
/// # The bounds
/// | metric | tau | why |
/// |---|---|---|
/// | `L2` | (t + 12) u m + d 2^-126 | per term a difference (twice, being squared) and a product; terms are non-negative, so errors are relative to m; the rest of the 12 is room |
/// | `SqrtL2` | what that moves the root by, and 9u of the value | near zero a root amplifies, but m is its square, so that stays relative; value only: the order is that of L2 |
/// | `InnerProduct` | (t + 12) u \|q\|\|x\| + d 2^-126 + sum (f(q) \|x\| + \|q\| f(x)) | sum \|q x\| <= \|q\|\|x\| |
/// | `Cosine` | (t + 12) u + d 2^-60 + 2 \|f(x)\| / \|x\|, at most 2 | the same over unit vectors, of which 7u pay for both normalizations: norms must be good to 2u (f64 on the host, or compensated); a row is brought up by 2^60 and divided by its length behind the sum, whose flushed products that magnifies. 2 where a length is within (t + 12) u of 2^-126, below which it counts as 0 |
/// | `CosineDistance` | 2u more than `Cosine`, at most 2 | 1 - r, one rounding of at most 2 |
/// | `Correlation` | (t + 16) u + (a + b)^2 / 2, at most 2 and likewise | cosine of centred rows: two more roundings of the centring, one of 1 - r; a shift by an f32 mean off by (t + 12) u mean\|x\| turns the row by that over its standard deviation, a for the query and b for the row, and enters in second order only |
/// | `Hellinger` | with e = g(t + 24) s + u \|1 - s\|: what e moves root(max(1 - s, 0)) by, and 9u | roots of both (18u), a product, the sum; s = sum of root(q x) |
/// | `Haversine` | what 2u + 16u c moves 2 asin(c / 2) by, and 2u | the chord c between unit vectors rounded to f32 (u each), its f32 square, the rest in f64 on the host |
/// | `L1` | g(d + 8) m + d 2^-126 + F | a difference a term, non-negative terms |
/// | `Linf` | g(2) m + 2^-126 + min(F, 2^-125) | a maximum does not round: one difference |
/// | `Lp` | the smaller of m and s, over s, times: sum t_i (g(d) + u (8 + 7P + 9\|y_i\|)) + d 2^-126 + what f moves the t_i by; t_i = \|q_i - x_i\|^P, y_i = log2 t_i, s = sum t_i | `pow(a, P)` is `exp2(P * log2(a))`: P ln 2 times the error of the log (8u within `[0.5, 2]`, 6u of it outside), P times that of the difference, the product, `exp2`. No difference is flushed: it is taken of numbers brought up by 2^40. What is above `f32::MAX` counts as that |
/// | `Canberra` | g(d + 8) m + sum of min(1, 2 (f(q) + f(x)) / (\|q\| + \|x\|)) | per term three operations, the division being 5u; numbers brought up by 2^40 |
/// | `BrayCurtis` | g(2d + 16) m + 2^-126 + h(sum \|q + x\|) | a quotient of two sums of non-negative terms, of numbers brought up by 2^40; h(D) = 2F (1 + m) / (D - F), without bound where D <= F |
/// | `Jaccard` | g(2d + 16) m + 2^-126 + h(sum max(q, x)), at most 1 | likewise; minima and maxima do not round |
/// | `NanEuclidean` | g(d + 8) m + d^2 2^-126 | difference (twice), product, d - 1 sums, d / present (5u), product |
/// | `Gower` | g(d + 8) m + 2^-124 | difference, d - 1 sums, division; three numbers that may be flushed |
/// | `JensenShannon` | (g(2d + 8) T + 15u sum (q + x)) / 2 + d 2^-118 | absolute: the terms cancel. T is the sum of their magnitudes; a log within 8u + 6u of itself, of a ratio within 6u, whose relative error is an absolute one of the log |
/// | `KlDivergence` | g(d + 8) T + 15u sum q + d 2^-118 | the same with one log a term: log(q / x), not log q - log x, which loses \|log q\| + \|log x\| |
/// | bits | 0; value 5u m | integers; the quotient is for show, the order is by cross-multiplication |
/// | custom | given beside the closures | |
///
/// **Exact** pairs have tau = 0 for `L2`, `SqrtL2` (but for the root's 9u in the value), `InnerProduct`, `L1` and
/// `Linf`: i8 with i8 and u8 with u8 of at most 32,768 dimensions, since they are summed and ordered in integers and converted
/// last (the value rounds above 2^24); and any pair of whole numbers whose terms' magnitudes sum below 2^24, since no f32 sum
/// of them rounds.
pub fn tau(metric: &Metric, dtypes: (DType, DType), q: &[f64], x: &[f64], m: f64) -> Tau {
    if metric.is_binary() {
        let exact = *metric == Metric::Hamming;
        return Tau { order: 0.0, value: if exact { 0.0 } else { 5.0 * U * m } };
    }
    if let Some(value) = exact_value(metric, dtypes, q, x, m) {
        return Tau { order: 0.0, value };
    }
    let d = q.len() as f64;
    let tree = (d / 32.0).ceil() + 12.0;
    Tau::both(match metric {
        Metric::L2 => tree * U * m + d * TINY,
        Metric::SqrtL2 => moved(root, m * m, tree * U * m * m + d * TINY) + ROOT * m,
        Metric::InnerProduct => {
            let flushed = sum(q, x, |q, x| flushed(q) * x.abs() + q.abs() * flushed(x));
            tree * U * norm(q) * norm(x) + d * TINY + flushed
        }
        Metric::Cosine | Metric::CosineDistance if at_the_shortest(tree * U, q, x) => 2.0,
        Metric::Cosine | Metric::CosineDistance => {
            let part = norm(&x.iter().map(|&x| flushed(x)).collect::<Vec<_>>()) / norm(x);
            let turned = if norm(x) < SHORTEST { 0.0 } else { 2.0 * part };
            let last = if *metric == Metric::Cosine { 0.0 } else { 2.0 * U };
            (tree * U + d * 2f64.powi(-60) + turned + last).min(2.0)
        }
        Metric::Correlation if at_the_shortest(tree * U, &centred(q), &centred(x)) => 2.0,
        Metric::Correlation => {
            let turned = turned(q, tree * U) + turned(x, tree * U);
            ((tree + 4.0) * U + turned * turned / 2.0).min(2.0)
        }
        Metric::Hellinger => {
            let s = sum(q, x, |q, x| (q * x).sqrt());
            let e = gamma(tree + 12.0) * s + U * (1.0 - s).abs();
            let value = moved(root, 1.0 - s, e) + ROOT * m;
            // Where 1 - s is cut off at 0 the value is exact, the order by s is not.
            return Tau { order: value.max(TINY), value };
        }
        Metric::Haversine => {
            let chord = 2.0 * (m / 2.0).sin();
            let angle = |c: f64| 2.0 * (c.clamp(0.0, 2.0) / 2.0).asin();
            moved(angle, chord, 2.0 * U + 16.0 * U * chord) + 2.0 * U * m
        }
        Metric::L1 => gamma(d + 8.0) * m + d * TINY + all_flushed(q, x),
        Metric::Linf => gamma(2.0) * m + TINY + all_flushed(q, x).min(2.0 * TINY),
        Metric::Lp(p) => lp(f64::from(*p), q, x, m),
        Metric::Canberra => {
            let share = |q: f64, x: f64| 2.0 * (flushed(q) + flushed(x)) / (q.abs() + x.abs());
            let shares =
                sum(q, x, |q, x| if q == 0.0 && x == 0.0 { 0.0 } else { share(q, x).min(1.0) });
            gamma(d + 8.0) * m + shares
        }
        Metric::BrayCurtis => {
            let along = sum(q, x, |q, x| (q + x).abs());
            gamma(2.0 * d + 16.0) * m + TINY + quotient(q, x, m, along)
        }
        Metric::Jaccard => {
            let most = sum(q, x, f64::max);
            (gamma(2.0 * d + 16.0) * m + TINY + quotient(q, x, m, most)).min(1.0)
        }
        Metric::NanEuclidean => gamma(d + 8.0) * m + d * d * TINY,
        Metric::Gower => gamma(d + 8.0) * m + 4.0 * TINY,
        Metric::JensenShannon => {
            let term = |q, x| relative(q, (q + x) / 2.0).abs() + relative(x, (q + x) / 2.0).abs();
            let (terms, mass) = (sum(q, x, term), sum(q, x, |q, x| q + x));
            (gamma(2.0 * d + 8.0) * terms + 15.0 * U * mass) / 2.0 + d * 256.0 * TINY
        }
        Metric::KlDivergence => {
            let (terms, mass) = (sum(q, x, |q, x| relative(q, x).abs()), q.iter().sum::<f64>());
            gamma(d + 8.0) * terms + 15.0 * U * mass + d * 256.0 * TINY
        }
        // Bits are dealt with above; a custom metric's tolerance is its author's to state.
        _ => 0.0,
    })
}

/// See [`Measure::ordered_by_value`](super::Measure::ordered_by_value).
pub(super) fn ordered_by_value(metric: &Metric, dtypes: (DType, DType), dim: usize) -> bool {
    use Metric::*;
    let last_step =
        matches!(metric, SqrtL2 | Cosine | CosineDistance | Correlation | Hellinger | Haversine);
    !last_step && !metric.is_binary() && !integers(dtypes, dim)
}

/// The tolerance of the value where the order is exact.
fn exact_value(
    metric: &Metric,
    dtypes: (DType, DType),
    q: &[f64],
    x: &[f64],
    m: f64,
) -> Option<f64> {
    let total = match metric {
        Metric::L2 | Metric::SqrtL2 => sum(q, x, |q, x| (q - x).powi(2)),
        Metric::InnerProduct => sum(q, x, |q, x| (q * x).abs()),
        Metric::L1 | Metric::Linf => sum(q, x, |q, x| (q - x).abs()),
        _ => return None,
    };
    let whole = || pairs(q, x).all(|(q, x)| q.fract() == 0.0 && x.fract() == 0.0);
    let small = total < 1.0 / U;
    let exact = integers(dtypes, q.len()) || (small && whole());
    let conversion = if small { 0.0 } else { U * m.abs() };
    exact.then_some(if *metric == Metric::SqrtL2 { ROOT * m + U * m } else { conversion })
}

/// Whether a pair is computed in integers.
fn integers(dtypes: (DType, DType), dim: usize) -> bool {
    dtypes.0 == dtypes.1 && dtypes.0.is_integer() && dim <= MAX_INTEGER_DIM
}

/// What a device that knows no subnormal numbers takes from an element.
fn flushed(v: f64) -> f64 {
    if v.abs() < TINY { v.abs() } else { 0.0 }
}

fn all_flushed(q: &[f64], x: &[f64]) -> f64 {
    sum(q, x, |q, x| flushed(q) + flushed(x))
}

/// What flushed elements may move a quotient m by, whose denominator is given.
fn quotient(q: &[f64], x: &[f64], m: f64, denominator: f64) -> f64 {
    let lost = all_flushed(q, x);
    match (lost > 0.0, denominator > lost) {
        (false, _) => 0.0,
        (true, true) => 2.0 * lost * (1.0 + m) / (denominator - lost),
        (true, false) => f64::INFINITY,
    }
}

/// Whether one of the vectors is, within `off` of it, as long as the shortest that does not count as zero.
fn at_the_shortest(off: f64, q: &[f64], x: &[f64]) -> bool {
    [q, x].iter().any(|v| (norm(v) / SHORTEST - 1.0).abs() <= off)
}

/// Higham's bound of k roundings in a row; without bound where k u reaches 1.
fn gamma(k: f64) -> f64 {
    if k * U < 1.0 { k * U / (1.0 - k * U) } else { f64::INFINITY }
}

fn root(v: f64) -> f64 {
    v.max(0.0).sqrt()
}

/// How far an error `e` of the argument moves the monotone `f`, at most.
fn moved(f: impl Fn(f64) -> f64, at: f64, e: f64) -> f64 {
    (f(at + e) - f(at)).abs().max((f(at) - f(at - e)).abs())
}

/// The angle by which a mean that is off by `off` mean|x| turns the centred row; constant rows are a case of their own.
fn turned(x: &[f64], off: f64) -> f64 {
    let (d, deviation) = (x.len() as f64, norm(&centred(x)));
    let magnitude = x.iter().map(|v| v.abs()).sum::<f64>() / d;
    if deviation == 0.0 { 0.0 } else { off * magnitude * d.sqrt() / deviation }
}

fn lp(p: f64, q: &[f64], x: &[f64], m: f64) -> f64 {
    let d = q.len() as f64;
    let term = |q: f64, x: f64| {
        let (a, lost) = ((q - x).abs(), flushed(q) + flushed(x));
        let relative = gamma(d) + U * (8.0 + 7.0 * p + 9.0 * p * a.log2().abs());
        let rounded = if a == 0.0 { 0.0 } else { a.powf(p) * relative };
        if lost == 0.0 { rounded } else { rounded + moved(|a| a.max(0.0).powf(p), a, lost) }
    };
    // above f32::MAX everything is m, so only what comes from below it counts
    let total = sum(q, x, |q, x| (q - x).abs().powf(p));
    if total.is_infinite() {
        return 0.0;
    }
    let cut = if total > m { m / total } else { 1.0 };
    (sum(q, x, term) + d * TINY) * cut
}

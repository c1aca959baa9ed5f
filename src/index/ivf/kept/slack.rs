//! How far a row may be from what its code stands for, as a metric sees it: a number of which searches conclude what a distance to the
//! code leaves open about that to the row.
//!
//! For a query q, a row x and what its code stands for, y, with every rounding of the device (which may flush numbers below 2^-126 to zero) and
//! of the host counted:
//!
//! ```text
//! L2:             | |q - x| - |q - y| | <= |x - y|                                         the triangle inequality
//! inner product:  | q.x - q.y | <= |q| |x - y|, and either sum is off by g |q| |x| or g |q| |y|
//! cosine:         the same of rows divided by their lengths
//! ```
//!
//! The slack of x is what stands there beside |q|, rounded up. What squares and sums of L2 are off by depends on the distance and not on the
//! row: [`Slack::gap`] takes it off.

use crate::invlists::Gap;
use crate::space::Tree;

/// Rows and codes that are nearly as short as what counts as zero under cosine may be either: of rows what is below 2^-126, of codes what is
/// below 2^-60.
const SHORT: f64 = 3.5e-18;
/// No two cosines are farther apart.
const ALL: f32 = 2.001;

/// The slack of rows of one metric, dimension and type of codes.
#[derive(Clone, Copy, Debug)]
pub(in crate::index::ivf) struct Slack {
    tree: Tree,
    /// Twice what a sum over the tree may be off by, relative to the sum of its terms' magnitudes.
    rounding: f64,
    /// What products, or squares, lose that vanish.
    vanished: f64,
    /// Smaller elements of codes may become zero when the device loads them.
    least: f64,
    /// Of codes that are sums, how far the device's may be off: by this, and by a part in 2^23 of what they stand for.
    summed: Option<f64>,
}

impl Slack {
    /// Of codes whose elements the device may take for zero where they are below `least`.
    pub fn new(tree: Tree, dim: usize, least: f32) -> Slack {
        let d = dim as f64;
        // as `reference::tau` has them, in units of 2^-23 and not of half as much: whichever way the device rounds
        let rounding = ((d / 32.0).ceil() + 16.0) * 2f64.powi(-23);
        let vanished = match (tree.ascends(), tree.is_scaled()) {
            (true, _) => d.sqrt() * 2f64.powi(-62),
            (_, true) => d * 2f64.powi(-60),
            _ => d * 2f64.powi(-124),
        };
        Slack { tree, rounding, vanished, least: least.into(), summed: None }
    }

    /// The same of codes that are sums: of a centroid, and of products that are no less than 2^-101 or of numbers. A device that takes a part of one for zero
    /// which is below 2^-126 may round the sum to another side, so that none is surely the row itself.
    pub fn of_sums(self, dim: usize) -> Slack {
        Slack { summed: Some((dim as f64).sqrt() * 2f64.powi(-122)), ..self }
    }

    /// Of a row and what its code stands for; and whether that is the row itself on every device.
    pub fn of(&self, row: &[f32], decoded: &[f32]) -> (f32, bool) {
        let pairs = || row.iter().zip(decoded).map(|(&x, &y)| (f64::from(x), f64::from(y)));
        let flushed = |y: f64| y != 0.0 && y.abs() < self.least;
        let lossless = pairs().all(|(x, y)| x == y && !flushed(y));
        if self.tree.is_scaled() {
            return (self.of_directions(&pairs, flushed), lossless);
        }
        let (mut lost, mut own, mut other) = (0.0, 0.0, 0.0);
        for (x, y) in pairs() {
            let off = if flushed(y) { x.abs().max((x - y).abs()) } else { x - y };
            lost += off * off;
            own += x * x;
            other += y * y;
        }
        let sums =
            if self.tree.ascends() { 0.0 } else { self.rounding * (own.sqrt() + other.sqrt()) };
        match self.summed {
            None => (up(lost.sqrt() + sums), lossless),
            Some(least) => {
                let summed = least + 2f64.powi(-23) * other.sqrt();
                (up(lost.sqrt() + sums + summed), false)
            }
        }
    }

    fn of_directions<I: Iterator<Item = (f64, f64)>>(
        &self,
        pairs: &impl Fn() -> I,
        flushed: impl Fn(f64) -> bool,
    ) -> f32 {
        let (mut own, mut other, mut small) = (0.0, 0.0, 0.0);
        for (x, y) in pairs() {
            own += x * x;
            other += y * y;
            small += if flushed(y) { y * y } else { 0.0 };
        }
        let (own, other) = (own.sqrt(), other.sqrt());
        let is_short = |length: f64| length > 0.0 && length < SHORT;
        if is_short(own) || is_short(other) {
            return ALL;
        }
        let over = |length: f64| if length == 0.0 { 0.0 } else { 1.0 / length };
        let (by, over) = (over(own), over(other));
        let turned = pairs().map(|(x, y)| (x * by - y * over).powi(2)).sum::<f64>().sqrt();
        let flush = 2.0 * small.sqrt() * over;
        up(turned + flush + 2.0 * self.rounding + self.vanished).min(ALL)
    }

    /// What roots of distances, or products, are off by as the device sees them.
    pub fn roundings(&self) -> Gap {
        Gap { rounding: up(self.rounding), vanished: up(self.vanished) }
    }

    /// The slack that a row needs to be a hit although its code is none of the nearest: where the last of the hits has the number `last`, and
    /// the code's is `code` or something farther. `norm` is the length of the query. Infinite where none can be.
    pub fn gap(&self, last: f64, code: f64, norm: f64) -> f64 {
        if self.tree.ascends() {
            let code = code.max(0.0).sqrt() * (1.0 - self.rounding) - self.vanished;
            return code - self.reached(last.max(0.0).sqrt());
        }
        match norm {
            // all are equally far
            0.0 => f64::INFINITY,
            // elements that the device may take for zero are no small part of it
            norm if norm < self.least_norm() => f64::NEG_INFINITY,
            norm => (last - code - self.vanished) / norm,
        }
    }

    /// What a true distance may be where the one computed is this.
    fn reached(&self, distance: f64) -> f64 {
        distance * (1.0 + self.rounding) + self.vanished
    }

    fn least_norm(&self) -> f64 {
        2f64.powi(-90)
    }

    /// The number, that of a code, which no code reaches or passes whose row has at most this slack and whose number is within `within`.
    pub fn widened(&self, within: f64, slack: f64, norm: f64) -> f64 {
        if self.tree.ascends() {
            let root = self.reached(self.reached(within.max(0.0).sqrt()) + slack);
            return root * root * (1.0 + 1e-9);
        }
        match norm {
            norm if norm > 0.0 && norm < self.least_norm() => f64::NEG_INFINITY,
            norm => within - norm * slack - self.vanished,
        }
    }
}

/// In f32, and no less.
fn up(value: f64) -> f32 {
    ((value * (1.0 + 1e-9)) as f32).next_up()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::metric::Metric;
    use crate::quantize::{Listed, RaBitQuantizer};
    use crate::space::{check, normalize, pair};

    /// A query, a row and what a code of about `step` makes of it, of lengths that differ by far.
    fn made(dim: usize, step: f32, random: &mut fastrand::Rng) -> [Vec<f32>; 3] {
        let mut vector =
            |by: f32| -> Vec<f32> { (0..dim).map(|_| by * (random.f32() - 0.5)).collect() };
        let lengths = [1.0, 300.0, 1e-6, 1e9];
        let (query, row, off) = (vector(1.0), vector(1.0), vector(step));
        let by = lengths[random.usize(..4)];
        let row: Vec<f32> = row.iter().map(|x| by * x).collect();
        let code = row.iter().zip(&off).map(|(x, off)| x + by * off).collect();
        [query, row, code]
    }

    #[test]
    fn a_row_never_needs_more_slack_than_it_has() {
        let mut random = fastrand::Rng::with_seed(3);
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            let mut narrow = 0;
            for round in 0..2000 {
                let dim = [1, 2, 8, 33][round % 4];
                let tree = Tree::of(&pair(&metric, DType::F32, DType::F32, dim)).unwrap();
                let slack = Slack::new(tree, dim, f32::MIN_POSITIVE);
                let step = [0.0, 1e-7, 0.01, 3.0][round / 4 % 4];
                let [mut query, row, code] = made(dim, step, &mut random);
                if metric == Metric::Cosine {
                    normalize(&mut query, dim);
                }
                let norm = f64::from(check::norm(&query));
                let number = |x: &[f32]| f64::from(tree.value(&query, x));
                let (own, lossless) = slack.of(&row, &code);
                assert_eq!(lossless, row == code);
                let (of_row, of_code, own) = (number(&row), number(&code), f64::from(own));
                let gap = slack.gap(of_row, of_code, norm);
                assert!(gap <= own, "{metric} {query:?} {row:?} {code:?}: {gap} of {own}");
                // with a third of it, it would often be taken for none
                narrow += usize::from(gap > own / 3.0);
                let wide = slack.widened(of_row, own, norm);
                let within = if tree.ascends() { of_code < wide } else { of_code > wide };
                assert!(within, "{metric} {query:?} {row:?} {code:?}: {of_code} and {wide}");
            }
            assert!(narrow > 20, "{metric}: {narrow}");
        }
    }

    /// Seen from where the whole of what a code loses counts.
    #[test]
    fn a_code_of_rabitq_is_off_by_its_slack_and_no_less() {
        let mut random = fastrand::Rng::with_seed(9);
        for (metric, bits, dim) in [Metric::L2, Metric::InnerProduct]
            .into_iter()
            .flat_map(|m| [(4, 3), (4, 40), (7, 5)].map(|(bits, dim)| (m.clone(), bits, dim)))
        {
            let mut vector =
                |n: usize| -> Vec<f32> { (0..n).map(|_| random.f32() - 0.5).collect() };
            let (center, left) = (vector(dim), vector(60 * dim));
            let lists = Listed::one(&center);
            let codes = RaBitQuantizer::new(dim, &metric, bits).unwrap().of_lists();
            let [estimates, projections] = [false, true].map(|projects| {
                let codes = codes.clone().projecting(projects);
                codes.decode_listed(&codes.encode_listed(&left, lists, 0).unwrap(), lists).unwrap()
            });
            let tree = Tree::of(&pair(&metric, DType::F32, DType::F32, dim)).unwrap();
            let slack = Slack::new(tree, dim, f32::MIN_POSITIVE).of_sums(dim);
            let mut whole = 0;
            for (number, left) in left.chunks_exact(dim).enumerate() {
                let row: Vec<f32> = left.iter().zip(&center).map(|(r, c)| c + r).collect();
                let of = |all: &[f32]| all[number * dim..(number + 1) * dim].to_vec();
                let code = of(&projections);
                let (own, _) = slack.of(&row, &code);
                let theirs = 1.001 * slack.of(&row, &of(&estimates)).0 + 1e-6;
                assert!(own <= theirs, "{metric} {bits} {dim}: {own}, not {theirs}");
                let off: Vec<f32> = row.iter().zip(&code).map(|(x, y)| x - y).collect();
                let query: Vec<f32> = match metric {
                    Metric::L2 => row.iter().zip(&off).map(|(x, off)| x + 3.0 * off).collect(),
                    _ => off,
                };
                let norm = f64::from(check::norm(&query));
                let number = |x: &[f32]| f64::from(tree.value(&query, x));
                let gap = slack.gap(number(&row), number(&code), norm);
                assert!(gap <= f64::from(own), "{metric} {bits} {dim}: {gap} of {own}");
                whole += usize::from(gap > 0.8 * f64::from(own));
            }
            assert!(whole > 40, "{metric} {bits} {dim}: {whole}");
        }
    }

    #[test]
    fn what_a_device_may_lose_of_a_code_counts() {
        let of = |metric: Metric| Tree::of(&pair(&metric, DType::F32, DType::F32, 2)).unwrap();
        let half = Slack::new(of(Metric::L2), 2, 6.2e-5);
        let small = [1e-5, 1.0];
        assert_eq!(half.of(&small, &small), (1e-5f32.next_up(), false));
        assert!(half.of(&[1.0, 0.0], &[1.0, 0.0]).1);
        let cosine = Slack::new(of(Metric::Cosine), 2, f32::MIN_POSITIVE);
        // too short to say on which side of zero the device sees it
        assert_eq!(cosine.of(&[1.3e-38, 0.0], &[1.0, 0.0]).0, ALL);
        assert!(cosine.of(&[0.0, 0.0], &[1.0, 0.0]).0 > 0.999);
        // a query of zeros is as far from all rows, and of one that may vanish nothing is known
        let products = Slack::new(of(Metric::InnerProduct), 2, f32::MIN_POSITIVE);
        assert_eq!(products.gap(0.0, 0.0, 0.0), f64::INFINITY);
        assert_eq!(products.gap(1.0, 0.0, 1e-30), f64::NEG_INFINITY);
    }
}

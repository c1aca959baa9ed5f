//! Exact distances on the host: the counterpart of `shaders/lib/metric/exact.wgsl` and `shaders/lib/math/tree.wgsl`, step by step, so
//! that a device which flushes nothing and whose roots and quotients are the nearest gives the same bits.

use super::pair::{Family, Pair};
use multiversion::multiversion;

/// Partial sums: number l is of the elements l, l + 32, l + 64, ... in order.
const LANES: usize = 32;
/// Cosine brings elements up by 2^60.
const UP: f32 = 1_152_921_504_606_846_976.0;
/// As many units of the exponent.
const DOWN: u32 = 60 << 23;

/// How the number is computed by which rows are ordered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    family: Family,
    scaled: bool,
    /// Whether products are not rounded before they are added.
    fused: bool,
}

/// The sum over the tree.
#[inline(always)]
fn tree(parts: &[f32; LANES]) -> f32 {
    let mut sums = [0f32; 4];
    for (c, sum) in sums.iter_mut().enumerate() {
        let two = |i: usize| parts[8 * i + c] + parts[8 * i + 4 + c];
        *sum = (two(0) + two(1)) + (two(2) + two(3));
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// The tree over what `step` adds of each pair of elements.
#[inline(always)]
fn summed(q: &[f32], x: &[f32], step: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut parts = [0f32; LANES];
    let ((q, q_rest), (x, x_rest)) = (q.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    for (q, x) in q.iter().zip(x) {
        for lane in 0..LANES {
            parts[lane] = step(parts[lane], q[lane], x[lane]);
        }
    }
    for ((part, &q), &x) in parts.iter_mut().zip(q_rest).zip(x_rest) {
        *part = step(*part, q, x);
    }
    tree(&parts)
}

/// The step of a sum: a product that is rounded with the sum, or before it.
#[inline(always)]
fn added(fused: bool, a: f32, b: f32, sum: f32) -> f32 {
    if fused { a.mul_add(b, sum) } else { a * b + sum }
}

// `fused` is taken out of the loops, whose steps become vectors

#[multiversion(targets("x86_64+avx+avx2+fma"))]
fn l2(q: &[f32], x: &[f32], fused: bool) -> f32 {
    match fused {
        true => summed(q, x, |sum, q, x| added(true, q - x, q - x, sum)),
        false => summed(q, x, |sum, q, x| added(false, q - x, q - x, sum)),
    }
}

#[multiversion(targets("x86_64+avx+avx2+fma"))]
fn dot(q: &[f32], x: &[f32], fused: bool) -> f32 {
    match fused {
        true => summed(q, x, |sum, q, x| added(true, q, x, sum)),
        false => summed(q, x, |sum, q, x| added(false, q, x, sum)),
    }
}

#[multiversion(targets("x86_64+avx+avx2+fma"))]
fn dot_up(q: &[f32], x: &[f32], fused: bool) -> f32 {
    match fused {
        true => summed(q, x, |sum, q, x| added(true, q, x * UP, sum)),
        false => summed(q, x, |sum, q, x| added(false, q, x * UP, sum)),
    }
}

#[multiversion(targets("x86_64+avx+avx2+fma"))]
fn square_of(x: &[f32], factor: f32, fused: bool) -> f32 {
    match fused {
        true => summed(x, x, |sum, x, _| added(true, x * factor, x * factor, sum)),
        false => summed(x, x, |sum, x, _| added(false, x * factor, x * factor, sum)),
    }
}

/// 1 / |x|, or 0 of a row shorter than 2^-126; as `shaders/exact/row_stats.wgsl` has it.
fn scale(x: &[f32], fused: bool) -> f32 {
    let most = x.iter().fold(0f32, |most, x| most.max(x.abs()));
    let exponent = (most.to_bits() >> 23).clamp(1, 253);
    let factor = f32::from_bits((254 - exponent) << 23);
    let least = f32::from_bits(129u32.saturating_sub(2 * exponent) << 23);
    let square = square_of(x, factor, fused);
    if square < least { 0.0 } else { factor / square.sqrt() }
}

impl Tree {
    /// Of the pairs that go through the tree, for a device that rounds a fused multiply-add once, until another is told of.
    pub fn of(pair: &Pair) -> Option<Tree> {
        match *pair {
            Pair::Tree { family: family @ (Family::L2 | Family::Dot), scaled } => {
                Some(Tree { family, scaled, fused: true })
            }
            _ => None,
        }
    }

    /// The same for a device that rounds products before they are added, or not.
    pub fn fused(self, fused: bool) -> Tree {
        Tree { fused, ..self }
    }

    /// Whether nearer rows have smaller numbers.
    pub fn ascends(self) -> bool {
        self.family == Family::L2
    }

    /// Whether queries have length 1 and rows are divided by theirs.
    pub fn is_scaled(self) -> bool {
        self.scaled
    }

    /// The number of a query, which has length 1 where rows are scaled, and a row of as many elements.
    pub fn value(self, query: &[f32], row: &[f32]) -> f32 {
        let fused = self.fused;
        match (self.family, self.scaled) {
            (Family::L2, _) => l2(query, row, fused),
            (_, false) => dot(query, row, fused),
            (_, true) => match scale(row, fused) {
                0.0 => 0.0,
                scale => dot_up(query, row, fused) * f32::from_bits(scale.to_bits() - DOWN),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: partial sums one by one, then pairs of neighbours.
    fn slowly(fused: bool, values: impl Iterator<Item = (f32, f32)>) -> f32 {
        let mut parts = [0f32; LANES];
        for (i, (a, b)) in values.enumerate() {
            let sum = parts[i % LANES];
            parts[i % LANES] = if fused { a.mul_add(b, sum) } else { a * b + sum };
        }
        let mut fours: Vec<[f32; 4]> = parts.as_chunks().0.to_vec();
        while fours.len() > 1 {
            let added = fours.chunks(2).map(|two| [0, 1, 2, 3].map(|c| two[0][c] + two[1][c]));
            fours = added.collect();
        }
        let [a, b, c, d] = fours[0];
        (a + b) + (c + d)
    }

    #[test]
    fn sums_are_those_of_the_definition_to_the_bit() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut differ = 0;
        for dim in [1, 3, 4, 31, 32, 33, 100, 128, 769] {
            let mut row = || -> Vec<f32> { (0..dim).map(|_| random.f32() - 0.5).collect() };
            let (q, x) = (row(), row());
            let pairs = || q.iter().copied().zip(x.iter().copied());
            let values = [true, false].map(|fused| {
                let l2 = Tree { family: Family::L2, scaled: false, fused };
                let dot = Tree { family: Family::Dot, ..l2 };
                let squares = slowly(fused, pairs().map(|(q, x)| (q - x, q - x)));
                assert_eq!(l2.value(&q, &x), squares);
                // products cancel, so that their sum shows what was rounded
                let products = slowly(fused, pairs());
                assert_eq!(dot.value(&q, &x), products);
                products
            });
            differ += usize::from(values[0] != values[1]);
        }
        assert!(differ > 1, "{differ}");
    }

    #[test]
    fn cosines_know_no_length() {
        let cosine = Tree { family: Family::Dot, scaled: true, fused: true };
        for length in [2f32.powi(-126), 2f32.powi(-100), 1.0, 2f32.powi(59)] {
            let value = cosine.value(&[0.6, 0.8], &[1.2 * length, 1.6 * length]);
            assert!((value - 1.0).abs() < 1e-6, "{length}: {value}");
        }
        for row in [[0.0, 0.0], [0.0, 1e-39]] {
            assert_eq!(cosine.value(&[0.6, 0.8], &row), 0.0);
        }
    }
}

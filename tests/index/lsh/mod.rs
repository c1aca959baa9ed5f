//! Indexes of signs: every answer is that of a count over bits that are taken here once more, whatever is done to the rows.

mod answers;
mod changes;
mod factory;
mod faiss;
mod files;

use crate::support::gpu;
use nearfield::{Index, Lsh, Rows, Search};

/// Rows with ties everywhere: numbers, zeros of either sign, equal rows, tiny and large ones.
pub fn numbers(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 40
    };
    let mut rows: Vec<f32> = (0..n * dim)
        .map(|_| match next() % 16 {
            0 => 0.0,
            1 => -0.0,
            2 => 1e-40,
            3 => -1e15,
            _ => next() as f32 / 8_388_608.0 - 1.0,
        })
        .collect();
    for row in (5..n).step_by(7) {
        let from = (row / 2) * dim;
        rows.copy_within(from..from + dim, row * dim);
    }
    rows
}

/// An index of these bits, trained if it has thresholds.
pub fn index(dim: usize, bits: usize, rotated: bool, thresholds: bool) -> Lsh {
    let index = Lsh::new(&gpu(), dim, bits, rotated, thresholds).unwrap();
    if thresholds {
        assert!(!index.is_trained());
        index.train(Rows::F32(&numbers(101, dim, 77))).unwrap();
    }
    index
}

/// The bits of each row: the sums of its products with the matrix, in the order of the columns, held against the thresholds.
pub fn bits_of(index: &Lsh, dim: usize, rows: &[f32]) -> Vec<Vec<bool>> {
    let (bits, matrix, thresholds) = (index.nbits(), index.matrix(), index.thresholds());
    let element = |row: &[f32], bit: usize| match matrix.is_empty() {
        true => row[bit],
        false => {
            let column = matrix[bit * dim..].iter().zip(row);
            column.fold(0f32, |sum, (a, x)| sum + x * a)
        }
    };
    let threshold = |bit: usize| thresholds.get(bit).copied().unwrap_or(0.0);
    let bit = |row: &[f32], bit: usize| element(row, bit) >= threshold(bit);
    rows.chunks_exact(dim).map(|row| (0..bits).map(|at| bit(row, at)).collect()).collect()
}

/// Ids of rows and their bits, in the order of the rows.
pub type Model = Vec<(u64, Vec<bool>)>;

/// The hits of a query that may find some ids.
pub fn nearest(model: &Model, query: &[bool], may: impl Fn(u64) -> bool) -> Vec<(u64, f32)> {
    let rows = model.iter().filter(|(id, _)| may(*id));
    let mut hits: Vec<(u64, f32)> = rows
        .map(|(id, bits)| (*id, bits.iter().zip(query).filter(|(a, b)| a != b).count() as f32))
        .collect();
    // stable, so that rows of equal distances stay in their order
    hits.sort_by(|a, b| a.1.total_cmp(&b.1));
    hits
}

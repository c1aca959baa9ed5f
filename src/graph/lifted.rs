//! Rows under inner product as rows under L2 whose order is nearly the same: each with one element more, which brings all to one length.
//!
//! Of q and [x, sqrt(M^2 - |x|^2)] the squared distance is |q|^2 + M^2 - 2 q.x, with q's own last element 0, so that the nearest row is that of the
//! largest product (Bachrach et al., RecSys 2014). M is the length that 99 of 100 rows do not exceed: with the largest of all, a few long rows would push
//! all others into one corner. Rows longer than M keep 0 there.

use crate::dtype::{AlignedBlock, DType, Rows};
use crate::error::Result;
use crate::exact::Dataset;
use crate::format::SliceSource;
use crate::metric::Metric;

/// The share of the rows that are no longer than M.
const SHARE: f64 = 0.99;
/// One row in so many is among the longest.
const LONGEST: usize = 8;
/// Host memory of a block.
const BLOCK_BYTES: usize = 32 << 20;

/// The lifted rows, in f32, and the square of the length of each row.
pub(super) fn lifted(dataset: &Dataset) -> Result<(Dataset, Vec<f64>)> {
    let (rows, dim) = (dataset.rows(), dataset.rows().dim());
    let (n, step) = (dataset.len() as usize, (BLOCK_BYTES / (4 * dim)).max(1));
    let block = |first: usize| -> Result<Vec<f32>> {
        let bytes = rows.read(first..(first + step).min(n))?;
        Ok(AlignedBlock::default().rows(rows.dtype(), &bytes)?.to_f32())
    };
    let square = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    let mut squares = Vec::with_capacity(n);
    for first in (0..n).step_by(step) {
        squares.extend(block(first)?.chunks_exact(dim).map(square));
    }
    let mut sorted = squares.clone();
    sorted.sort_by(f64::total_cmp);
    let most = sorted.get((n as f64 * SHARE) as usize).or(sorted.last()).copied().unwrap_or(0.0);
    let mut all = Dataset::new(dataset.gpu(), &Metric::L2, DType::F32, dim + 1)?;
    for first in (0..n).step_by(step) {
        let mut more = Vec::with_capacity(step.min(n) * (dim + 1));
        for (row, square) in block(first)?.chunks_exact(dim).zip(&squares[first..]) {
            more.extend_from_slice(row);
            more.push((most - square).max(0.0).sqrt() as f32);
        }
        all = all.append(&mut SliceSource::new(Rows::F32(&more), dim + 1)?)?;
    }
    Ok((all, squares))
}

/// The longest rows, by the squares of the lengths of all.
pub(super) fn longest(squares: &[f64]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..squares.len() as u32).collect();
    rows.sort_by(|&a, &b| squares[b as usize].total_cmp(&squares[a as usize]));
    rows.truncate(squares.len() / LONGEST);
    rows
}

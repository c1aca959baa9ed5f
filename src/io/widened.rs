//! Rows in f32, for libraries that have them as nothing else, and of length 1 for those whose cosine is the inner product of such rows.

use crate::dtype::Rows;
use crate::error::Result;
use crate::index::Apart;

/// Rows of an index as f32, which holds each number of every other type; scaled to the length 1 if `unit` says so.
pub(super) fn widened(apart: &Apart, bytes: Vec<u8>, unit: bool) -> Result<Vec<u8>> {
    let mut words = vec![0u32; bytes.len().div_ceil(4)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    aligned[..bytes.len()].copy_from_slice(&bytes);
    let mut rows = Rows::from_bytes(apart.dtype, &aligned[..bytes.len()])?.to_f32();
    if unit {
        rows.chunks_exact_mut(apart.dim).for_each(to_unit);
    }
    Ok(bytemuck::cast_slice(&rows).to_vec())
}

/// Scales a row to the length 1. One too short for cosine to tell its direction becomes zero, which it counts as.
pub(super) fn to_unit(row: &mut [f32]) {
    let square: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
    let length = square.sqrt();
    let scale = if length < f64::from(f32::MIN_POSITIVE) { 0.0 } else { 1.0 / length };
    row.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
}

//! Rows in f32, for libraries that have them as nothing else, and of length 1 for those whose cosine is the inner product of such rows.

use crate::dtype::AlignedBlock;
use crate::error::Result;
use crate::index::Apart;
use crate::space;

/// Rows of an index as f32, which holds each number of every other type; scaled to the length 1 if `unit` says so.
pub(super) fn widened(apart: &Apart, bytes: Vec<u8>, unit: bool) -> Result<Vec<u8>> {
    let mut rows = AlignedBlock::default().rows(apart.dtype, &bytes)?.to_f32();
    if unit {
        space::normalize(&mut rows, apart.dim);
    }
    Ok(bytemuck::cast_slice(&rows).to_vec())
}

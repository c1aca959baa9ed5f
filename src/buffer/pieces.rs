//! Rows on their way into staging, checked and copied piece by piece on several threads.

use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::parallel::each;

/// Bytes of rows that one thread checks and copies at a time: they stay in its cache between the two.
const PIECE_BYTES: usize = 256 << 10;

/// A check of rows on their way: it is called with pieces of any size, in any order and on any thread, so that it sees each row
/// once. The number is that of the piece's first row.
pub(crate) type Check<'a> = dyn Fn(Rows<'_>, u64) -> Result<()> + Sync + 'a;

/// Writes rows, the first of them number `first_row`, to the start of a mapped buffer, each followed by zeros up to `stride`.
/// Where the check refuses several pieces, the error of the first of them is returned.
pub(super) fn fill(
    staging: &wgpu::Buffer,
    rows: Rows<'_>,
    dim: usize,
    stride: usize,
    first_row: u64,
    check: &Check<'_>,
) -> Result<()> {
    let count = rows.count(dim)?;
    let row = rows.dtype().row_bytes(dim);
    let step = (PIECE_BYTES / row).max(1);
    each((0..count).step_by(step).collect(), |start: usize| {
        let end = (start + step).min(count);
        let piece = rows.slice(dim, start..end);
        check(piece, first_row + start as u64)?;
        let at = |row: usize| (row * stride) as u64;
        let mut view = staging
            .get_mapped_range_mut(at(start)..at(end))
            .map_err(|e| Error::internal(format!("upload: {e}")))?;
        copy(view.slice(..), piece.bytes(), row, stride);
        Ok(())
    })?;
    Ok(())
}

fn copy(mut staging: wgpu::WriteOnly<'_, [u8]>, bytes: &[u8], row: usize, stride: usize) {
    if row == stride {
        staging.copy_from_slice(bytes);
        return;
    }
    for (i, source) in bytes.chunks_exact(row).enumerate() {
        let at = i * stride;
        staging.slice(at..at + row).copy_from_slice(source);
        staging.slice(at + row..at + stride).fill(0);
    }
}

//! Rows on their way into a segment: from the host through staging, or from another segment on the device.

use super::handle::Buffer;
use super::matrix::Matrix;
use super::pieces::{self, Check};
use super::segment::Segment;
use super::upload::Uploader;
use crate::dtype::Rows;
use crate::error::Result;

/// What the memory report calls the buffers of matrices.
pub(super) const LABEL: &str = "matrix";

/// How many segments were copied, for the tests that hold operations to their cost.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Copied(std::sync::atomic::AtomicU64);

#[cfg(test)]
impl Copied {
    /// Those since the last call.
    pub fn take(&self) -> u64 {
        self.0.swap(0, std::sync::atomic::Ordering::Relaxed)
    }
}

/// A staging ring for `rows` rows, when `needed` bytes of device memory are still to be allocated for them.
pub(super) fn ring(matrix: &Matrix, rows: u64, needed: u64) -> Uploader {
    let stride = u64::from(matrix.stride);
    // A block holds at least one row, whatever its size.
    Uploader::new(&matrix.gpu, rows.saturating_mul(stride), needed, stride)
}

/// Copies the rows of a segment to the start of another buffer, on the device.
pub(super) fn copy(matrix: &Matrix, from: &Segment, to: &Buffer) -> Result<()> {
    #[cfg(test)]
    matrix.gpu.state::<Copied>()?.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    matrix.gpu.scoped(LABEL, || {
        let mut encoder = matrix.gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from.buffer().raw(), 0, to.raw(), 0, from.bytes());
        matrix.gpu.queue().submit([encoder.finish()]);
    })
}

/// Writes rows that pass the check at byte `at` of `to`, each with its padding; the first of them is number `number`.
pub(super) fn upload(
    ring: &mut Uploader,
    matrix: &Matrix,
    to: &Buffer,
    at: u64,
    rows: Rows<'_>,
    number: u64,
    check: &Check<'_>,
) -> Result<()> {
    let (dim, stride) = (matrix.dim, matrix.stride as usize);
    let total = rows.count(dim)? * stride;
    ring.copy(to, at, total as u64, |staging| {
        pieces::fill(staging, rows, dim, stride, number, check)
    })
}

//! Rows of a matrix back in host memory.

use super::matrix::Matrix;
use super::readback::{Bytes, Readback};
use crate::error::{Error, Result};
use std::future::Future;
use std::ops::Range;

/// Staging of one readback: bounded, so that reading a large matrix takes little beyond its result.
pub(super) const CHUNK_BYTES: u64 = 32 << 20;

/// Rows of one segment that are read at once: segment, first byte, bytes.
type Chunk = (usize, u64, u64);

impl Matrix {
    /// The bytes of some rows, without padding.
    ///
    /// # Errors
    /// `InvalidArgument` when the range reaches beyond the end; `OutOfDeviceMemory` for staging; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows};
    /// let matrix = Matrix::from_rows(&Gpu::new()?, 3, Rows::U8(&[1, 2, 3, 4, 5, 6, 7, 8, 9]))?;
    /// assert_eq!(matrix.read(1..3)?, [4, 5, 6, 7, 8, 9]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(&self, rows: Range<usize>) -> Result<Vec<u8>> {
        let chunks = self.chunks(&rows)?;
        let mut out = self.room_for(&rows)?;
        for chunk in chunks {
            self.strip(&self.start(chunk)?.wait()?, &mut out);
        }
        Ok(out)
    }

    /// As [`Matrix::read`], as a future.
    ///
    /// # Errors
    /// As [`Matrix::read`].
    ///
    /// # Example
    /// ```
    /// use nearfield::{Matrix, Result};
    /// async fn beginnings(one: &Matrix, other: &Matrix) -> Result<(Vec<u8>, Vec<u8>)> {
    ///     futures::future::try_join(one.read_async(0..10), other.read_async(0..10)).await
    /// }
    /// ```
    pub fn read_async(
        &self,
        rows: Range<usize>,
    ) -> impl Future<Output = Result<Vec<u8>>> + Send + use<> {
        let matrix = self.clone();
        async move {
            let chunks = matrix.chunks(&rows)?;
            let mut out = matrix.room_for(&rows)?;
            for chunk in chunks {
                let parts = matrix.start(chunk)?.await?;
                matrix.strip(&parts, &mut out);
            }
            Ok(out)
        }
    }

    /// Cuts a range of rows into chunks.
    fn chunks(&self, rows: &Range<usize>) -> Result<Vec<Chunk>> {
        if rows.start > rows.end || rows.end > self.len() {
            return Err(Error::argument("rows", format!("{rows:?} of {}", self.len())));
        }
        let rows = rows.start as u64..rows.end as u64;
        let stride = u64::from(self.stride_bytes());
        let most = (CHUNK_BYTES / stride).max(1);
        let mut chunks = Vec::new();
        for (i, segment) in self.segments().iter().enumerate() {
            let first = segment.first_row();
            let end = rows.end.min(first + u64::from(segment.rows()));
            let mut at = rows.start.max(first);
            while at < end {
                let n = most.min(end - at);
                chunks.push((i, (at - first) * stride, n * stride));
                at += n;
            }
        }
        Ok(chunks)
    }

    /// An empty vector with memory for some rows without padding.
    fn room_for(&self, rows: &Range<usize>) -> Result<Vec<u8>> {
        let bytes = (rows.end - rows.start).checked_mul(self.row_bytes());
        let mut out = Vec::new();
        match bytes.map(|b| out.try_reserve_exact(b)) {
            Some(Ok(())) => Ok(out),
            _ => Err(Error::argument("rows", format!("{rows:?} do not fit in host memory"))),
        }
    }

    /// Has the device copy a chunk to the host.
    fn start(&self, (segment, offset, bytes): Chunk) -> Result<Readback> {
        let encoder = self.gpu().scoped("readback", || {
            self.gpu().device().create_command_encoder(&Default::default())
        })?;
        self.gpu().readback(&[(self.segments()[segment].buffer(), offset, bytes)], encoder)
    }

    /// Appends the rows of a chunk that came back, without their padding.
    fn strip(&self, parts: &[Bytes], out: &mut Vec<u8>) {
        let (row, stride) = (self.row_bytes(), self.stride_bytes() as usize);
        for padded in parts.iter().flat_map(|part| part.chunks_exact(stride)) {
            out.extend_from_slice(&padded[..row]);
        }
    }
}

//! The rows of a matrix as a stream on the host.

use super::matrix::Matrix;
use super::read::CHUNK_BYTES;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use std::ops::Range;

/// A matrix whose rows are brought to the host a block at a time.
struct MatrixRows {
    matrix: Matrix,
    left: Range<usize>,
    /// The block, in words, so that it is aligned for every type.
    block: Vec<u32>,
}

impl Matrix {
    /// The rows as a stream on the host, for whatever takes one: an index of another [`Gpu`](crate::Gpu), a file.
    ///
    /// Cost: a readback of up to 32 MiB a block, and host memory for two of them.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows, RowSource};
    /// let matrix = Matrix::from_rows(&Gpu::new()?, 2, Rows::F32(&[1.0, 2.0, 3.0, 4.0]))?;
    /// let mut rows = matrix.source();
    /// while let Some(block) = rows.next_rows(1000)? {
    ///     println!("{:?}", block.to_f32());
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn source(&self) -> impl RowSource + Send + use<> {
        self.source_of(0..self.len())
    }

    /// The same of some rows, which are there.
    pub(crate) fn source_of(&self, rows: Range<usize>) -> impl RowSource + Send + use<> {
        MatrixRows { matrix: self.clone(), left: rows, block: Vec::new() }
    }

    /// All rows in host memory as f32, row-major; of bits, a 0 or 1 for each.
    ///
    /// Cost: reads them back, 32 MiB at a time, beside 4 bytes of host memory an element.
    ///
    /// # Errors
    /// `InvalidArgument` when they do not fit in host memory; `OutOfDeviceMemory` for staging; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows};
    /// let matrix = Matrix::from_rows(&Gpu::new()?, 2, Rows::U8(&[1, 2, 3, 4]))?;
    /// assert_eq!(matrix.to_f32()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        let len = self.len().checked_mul(self.dim());
        if len.is_none_or(|len| all.try_reserve_exact(len).is_err()) {
            let reason = format!("{} rows of {} f32 do not fit in memory", self.len(), self.dim());
            return Err(Error::argument("matrix", reason));
        }
        let mut rows = self.source();
        while let Some(block) = rows.next_rows(usize::MAX)? {
            all.extend_from_slice(&block.elements(self.dim));
        }
        Ok(all)
    }
}

impl RowSource for MatrixRows {
    fn dtype(&self) -> DType {
        self.matrix.dtype()
    }

    fn dim(&self) -> usize {
        self.matrix.dim()
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.left.len() as u64)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let most = (CHUNK_BYTES / u64::from(self.matrix.stride_bytes())).max(1);
        let rows = (most as usize).min(max_rows.max(1)).min(self.left.len());
        if rows == 0 {
            return Ok(None);
        }
        let bytes = self.matrix.read(self.left.start..self.left.start + rows)?;
        self.left.start += rows;
        self.block = bytemuck::pod_collect_to_vec(&bytes);
        let block: &[u8] = bytemuck::cast_slice(&self.block);
        Rows::from_bytes(self.matrix.dtype(), &block[..bytes.len()]).map(Some)
    }
}

//! Rows of one type in device memory.

use super::bin::BIN;
use super::segment::Segment;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use std::fmt;
use std::ops::Range;

/// The segment size that every backend can bind, and whose byte offsets fit the 32 bits that shaders count in.
const MAX_SEGMENT_BYTES: u64 = (1 << 31) - 4;

/// `len` rows by `dim` elements of one type in device memory.
///
/// From [`Matrix::from_rows`], or [`Matrix::from_buffer`] of an application's own buffer; an index takes it by
/// [`add_matrix`](crate::Index::add_matrix). A matrix never changes: [`Matrix::append`] and [`Matrix::replace`]
/// give a new one that shares what is equal, and the old one stays valid.
///
/// Cost: each row takes its bytes rounded up to 16. More rows than one binding holds are split into segments, which no
/// answer shows.
#[derive(Clone)]
pub struct Matrix {
    pub(super) gpu: Gpu,
    pub(super) dtype: DType,
    pub(super) dim: usize,
    pub(super) stride: u32,
    pub(super) rows_per_segment: u32,
    pub(super) len: u64,
    pub(super) segments: Vec<Segment>,
}

impl Matrix {
    /// A matrix without rows; takes no device memory.
    ///
    /// # Errors
    /// `InvalidArgument` when `dim` is 0; `LimitExceeded` when 64 rows are more than the
    /// adapter binds.
    pub fn empty(gpu: &Gpu, dtype: DType, dim: usize) -> Result<Matrix> {
        if dim == 0 || dim.checked_mul(dtype.bits()).is_none() {
            return Err(Error::argument("dim", format!("{dim} elements of {dtype} are no row")));
        }
        let stride = (dtype.row_bytes(dim) as u64).next_multiple_of(16);
        let caps = gpu.caps();
        let limit = caps.max_binding_bytes.min(caps.max_buffer_bytes).min(MAX_SEGMENT_BYTES);
        if stride.saturating_mul(BIN) > limit {
            let what = format!("bytes of {BIN} rows of {dim} {dtype}");
            return Err(Error::LimitExceeded { what, needed: stride * BIN, limit });
        }
        let asked = gpu.settings().max_segment_bytes.unwrap_or(u64::MAX);
        let rows = limit.min(asked) / stride / BIN * BIN;
        // Both fit 32 bits: `limit` does.
        let (stride, rows_per_segment) = (stride as u32, rows.max(BIN) as u32);
        let gpu = gpu.clone();
        Ok(Matrix { gpu, dtype, dim, stride, rows_per_segment, len: 0, segments: Vec::new() })
    }

    /// A matrix like this one, without rows but with memory for `rows` of them in one segment.
    pub(crate) fn with_room(&self, rows: u32) -> Result<Matrix> {
        let capacity = rows.next_multiple_of(BIN as u32).min(self.rows_per_segment);
        let buffer = self.gpu.alloc("matrix", u64::from(capacity) * u64::from(self.stride))?;
        let segment = Segment::new(buffer, 0, 0, capacity, self.stride);
        Ok(Matrix { len: 0, segments: vec![segment], ..self.clone() })
    }

    /// An empty matrix like this one with `rows` rows a segment at most, but not below a bin.
    pub(crate) fn cut(mut self, rows: u64) -> Matrix {
        let most = (rows / BIN * BIN).max(BIN);
        self.rows_per_segment = u64::from(self.rows_per_segment).min(most) as u32;
        self
    }

    /// The same memory without rows, of the first segment alone, for a caller who alone holds the matrix.
    pub(crate) fn emptied(&self) -> Matrix {
        let segments = self.segments.iter().take(1).map(Segment::emptied).collect();
        Matrix { len: 0, segments, ..self.clone() }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Rows, as they are counted on the device.
    pub(crate) fn row_count(&self) -> u64 {
        self.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Elements a row; of `Bits`, bits.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes of device memory, padding and free room included; shared segments count in every matrix that has them.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|s| s.buffer().size()).sum()
    }

    /// The buffers that the rows lie in, for an application's own shaders: each with the rows that it has from its first byte on, one
    /// [`stride`](Self::stride) from the other and zeros between. They may be read (`STORAGE`, `COPY_SRC`) and must not be written: other
    /// matrices and indexes share them.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows};
    /// let matrix = Matrix::from_rows(&Gpu::new()?, 3, Rows::F32(&[1.0; 300]))?;
    /// for (buffer, rows) in matrix.buffers() {
    ///     println!("rows {rows:?}, {} bytes apart, in {} bytes", matrix.stride(), buffer.size());
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn buffers(&self) -> impl ExactSizeIterator<Item = (&wgpu::Buffer, Range<usize>)> {
        self.segments.iter().map(|segment| {
            let first = segment.first_row() as usize;
            (segment.buffer().raw(), first..first + segment.rows() as usize)
        })
    }

    /// Bytes from one row to the next in [`buffers`](Self::buffers).
    pub fn stride(&self) -> u64 {
        self.stride.into()
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The number of the segment of a row that there is.
    pub(crate) fn segment_of(&self, row: u64) -> usize {
        self.segments.partition_point(|s| s.first_row() + u64::from(s.rows()) <= row)
    }

    /// The most rows that one segment holds.
    pub(crate) fn rows_per_segment(&self) -> u32 {
        self.rows_per_segment
    }

    /// Bytes from one row to the next.
    pub(crate) fn stride_bytes(&self) -> u32 {
        self.stride
    }

    /// Bytes of a row without its padding.
    pub(super) fn row_bytes(&self) -> usize {
        self.dtype.row_bytes(self.dim)
    }

    /// Refuses rows of another type.
    pub(super) fn check_type(&self, dtype: DType) -> Result<()> {
        if dtype == self.dtype {
            return Ok(());
        }
        Err(Error::argument("rows", format!("{dtype} for a matrix of {}", self.dtype)))
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Matrix { dtype, dim, len, segments, .. } = self;
        write!(f, "Matrix({len} x {dim} {dtype}, {} segments)", segments.len())
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;

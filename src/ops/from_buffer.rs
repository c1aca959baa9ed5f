//! Matrices of rows in an application's buffer.

use super::kernels::{PackRows, pack_rows};
use crate::buffer::{Buffer, Matrix};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold};

/// Bytes of the buffer that are packed at a time.
const STEP: u64 = 32 << 20;

/// Where rows lie in a buffer; from [`RowLayout::new`] and setters named as the fields.
///
/// # Example
/// ```
/// use nearfield::{DType, RowLayout};
/// // vertices of 32 bytes each, of which bytes 4 to 15 are a position
/// let layout = RowLayout::new(DType::F32, 3, 1000).offset(4).stride(32);
/// assert_eq!((layout.dim, layout.offset), (3, 4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowLayout {
    /// The type of the elements.
    pub dtype: DType,
    /// Elements a row; of bits, bits.
    pub dim: usize,
    /// Rows.
    pub rows: usize,
    /// The byte at which the first row begins. Default: 0.
    pub offset: u64,
    /// Bytes from the beginning of a row to that of the next. Default: those of a row, without a gap.
    pub stride: u64,
}

impl RowLayout {
    /// `rows` rows of `dim` elements, one behind the other from the first byte on.
    pub fn new(dtype: DType, dim: usize, rows: usize) -> RowLayout {
        let bits = (dim as u64).saturating_mul(dtype.bits() as u64);
        RowLayout { dtype, dim, rows, offset: 0, stride: bits.div_ceil(8) }
    }

    /// Sets [`offset`](Self#structfield.offset).
    #[must_use]
    pub fn offset(mut self, bytes: u64) -> Self {
        self.offset = bytes;
        self
    }

    /// Sets [`stride`](Self#structfield.stride).
    #[must_use]
    pub fn stride(mut self, bytes: u64) -> Self {
        self.stride = bytes;
        self
    }
}

impl Matrix {
    /// A matrix of rows that an application has in a buffer of the device that it lent ([`Gpu::adopt`]). They are copied, since the
    /// application may go on writing to the buffer: what it submitted to the queue before counts.
    ///
    /// Cost: reads and writes the rows once on the device; where they lie without gaps, or begin anywhere but at each
    /// multiple of 16 bytes, twice, through a buffer of 32 MiB.
    ///
    /// # Errors
    /// `InvalidArgument` that says what is wrong: with a buffer without `BufferUsages::COPY_SRC`, of another device, mapped or destroyed, or whose
    /// size is no multiple of 4 where the rows reach its end; with rows that reach beyond its end; with a stride that is less
    /// than a row. (A buffer of another `wgpu::Instance` than the device's is no error but a panic: of wgpu's.) As [`Matrix::empty`]; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Flat, Gpu, Index, Matrix, Metric, RowLayout};
    ///
    /// /// Of 10,000 embeddings of 384 f16, which a model left in a buffer.
    /// fn index(gpu: &Gpu, embeddings: &wgpu::Buffer) -> nearfield::Result<Flat> {
    ///     let layout = RowLayout::new(DType::F16, 384, 10_000);
    ///     let rows = Matrix::from_buffer(gpu, embeddings, layout)?;
    ///     let index = Flat::with_dtype(gpu, 384, Metric::Cosine, DType::F16)?;
    ///     index.add_matrix(&rows)?;
    ///     Ok(index)
    /// }
    /// ```
    pub fn from_buffer(gpu: &Gpu, buffer: &wgpu::Buffer, layout: RowLayout) -> Result<Matrix> {
        let RowLayout { dtype, dim, rows, offset, stride } = layout;
        let empty = Matrix::empty(gpu, dtype, dim)?;
        let row_bytes = dtype.row_bytes(dim) as u64;
        if rows == 0 {
            return Ok(empty);
        }
        if stride < row_bytes {
            let reason = format!("{stride} bytes from row to row, each of which has {row_bytes}");
            return Err(Error::argument("stride", reason));
        }
        let end =
            (rows as u64 - 1).checked_mul(stride).and_then(|bytes| bytes.checked_add(row_bytes));
        let end = end.and_then(|bytes| bytes.checked_add(offset));
        let whole = end.filter(|&end| end <= buffer.size());
        let Some(end) = whole else {
            let needed = end.map_or_else(|| "more than 2^64".to_owned(), |end| end.to_string());
            let reason = format!("they end at byte {needed} of a buffer of {}", buffer.size());
            return Err(Error::argument("rows", reason));
        };
        if end.next_multiple_of(4) > buffer.size() {
            let reason = format!("{} bytes are no multiple of 4, which copies need", buffer.size());
            return Err(Error::argument("buffer", reason));
        }
        if !gpu.settings().adopted {
            let reason =
                "it is of another device than this Gpu's; Gpu::adopt takes the application's";
            return Err(Error::argument("buffer", reason));
        }
        if !buffer.usage().contains(wgpu::BufferUsages::COPY_SRC) {
            let reason = format!("its usage {:?} lacks COPY_SRC", buffer.usage());
            return Err(Error::argument("buffer", reason));
        }
        let like = u64::from(empty.stride_bytes());
        let plain = stride == like && row_bytes == like && offset.is_multiple_of(4);
        let matrix = empty.with_rows(rows as u64, |to| {
            let first = offset + to.first_row() * stride;
            if plain {
                return take(gpu, buffer, first, to.bytes(), to.buffer());
            }
            let step = (STEP.min(gpu.caps().max_binding_bytes / 2) / stride).max(1);
            for row in (0..u64::from(to.rows())).step_by(step as usize) {
                let n = step.min(u64::from(to.rows()) - row);
                let start = first + row * stride;
                // copies begin and end at multiples of 4
                let skip = start % 4;
                let bytes = (skip + (n - 1) * stride + row_bytes).next_multiple_of(4);
                let part = gpu.scratch("packing", bytes)?;
                take(gpu, buffer, start - skip, bytes, &part)?;
                let words = empty.stride_bytes() / 4;
                let groups = fold(gpu, (n * u64::from(words)).div_ceil(256))?;
                let params = PackRows {
                    n: n as u32,
                    words,
                    row_bytes: row_bytes as u32,
                    start: skip as u32,
                    stride: stride as u32,
                    out_first: row as u32,
                    groups_x: groups[0],
                };
                let mut encoder = Encoder::new(gpu, "pack rows", false)?;
                let buffers = [("source", &part), ("out", to.buffer())];
                encoder.dispatch(&pack_rows(), &buffers, &params, [groups[0], groups[1], 1])?;
                encoder.submit(&[])?;
            }
            Ok(())
        })?;
        gpu.check_alive()?;
        Ok(matrix)
    }
}

/// Copies bytes of the application's buffer to the start of one of ours.
fn take(gpu: &Gpu, from: &wgpu::Buffer, start: u64, bytes: u64, to: &Buffer) -> Result<()> {
    let copied = gpu.scoped("the copy of the buffer", || {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from, start, to.raw(), 0, bytes);
        gpu.queue().submit([encoder.finish()]);
    });
    copied.map_err(|error| match error {
        // all else was checked: it is of another device, mapped, or destroyed
        Error::Internal { message } => Error::argument("buffer", message),
        other => other,
    })
}

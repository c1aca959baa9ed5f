//! Writing vectors.

use super::atomic::AtomicFile;
use super::container::Container;
use super::element::Element;
use super::sink::Sink;
use super::source::check_dim;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use std::path::Path;

/// Begins a file of rows of `dim` elements, in the format of its extension; see [`RowWriter`].
///
/// bfloat16 is written to `.npy` as u16, and packed bits as u8, the lowest first. A file does not say how many bits of a row's last byte
/// count: [`Conversion::bits`](super::Conversion#structfield.bits) does when it is read.
///
/// # Errors
/// `InvalidArgument` for an unknown extension, a `dtype` that it does not hold (the message names those that do) or a `dim`
/// of 0; `Io` when the folder cannot be written to.
///
/// # Example
/// ```
/// use nearfield::{DType, Rows, format, half::f16};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("halves.npy");
/// // numpy.load reads it as an array of 1 x 3 float16
/// let mut out = format::create(&path, DType::F16, 3)?;
/// out.write(Rows::F16(&[0.5, 1.0, 1.5].map(f16::from_f32)))?;
/// out.finish()?;
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn create(path: impl AsRef<Path>, dtype: DType, dim: usize) -> Result<RowWriter> {
    RowWriter::create(path, dtype, dim)
}

/// A file of vectors being written, as a stream.
///
/// It is written beside its destination, and takes its name in [`finish`](Self::finish), synced. Dropped before that, it
/// leaves nothing behind, and what was there stays. Costs one small buffer, whatever the number of rows.
///
/// # Example
/// ```
/// use nearfield::{DType, Rows, format};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("codes.u8bin");
/// let mut out = format::create(&path, DType::U8, 4)?;
/// for block in [[1u8, 2, 3, 4], [5, 6, 7, 8]] {
///     out.write(Rows::U8(&block))?;
/// }
/// assert_eq!(out.finish()?, 2);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Debug)]
pub struct RowWriter {
    sink: Sink,
    dtype: DType,
    /// Elements of a row, which of bits are not the sink's.
    dim: usize,
}

impl RowWriter {
    /// The same as [`create`].
    ///
    /// # Errors
    /// As [`create`].
    pub fn create(path: impl AsRef<Path>, dtype: DType, dim: usize) -> Result<Self> {
        let path = path.as_ref();
        let container = Container::of_output(path)?;
        if !container.holds(dtype) {
            return Err(Container::refuse(path, dtype));
        }
        check_dim(dim)?;
        let columns = if dtype == DType::Bits { dtype.row_bytes(dim) } else { dim };
        Ok(RowWriter {
            sink: Sink::create(path, container, Element::of(dtype), &[columns])?,
            dtype,
            dim,
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// `InvalidArgument` for rows of another type than the file's, `PartialRow` for a part of a row, `Io`.
    pub fn write(&mut self, rows: Rows<'_>) -> Result<()> {
        if rows.dtype() != self.dtype {
            let reason = format!("{} rows for a file of {}", rows.dtype(), self.dtype);
            return Err(Error::argument("rows", reason));
        }
        rows.count(self.dim)?;
        self.sink.write(rows.bytes())
    }

    /// Completes the file and gives it its name. Returns the number of rows.
    ///
    /// # Errors
    /// `Io`; `LimitExceeded` for more rows than the format counts; `InvalidArgument` for no rows at all in the `.fvecs`
    /// family, where nothing would tell the dimension.
    pub fn finish(self) -> Result<u64> {
        self.sink.finish()
    }

    /// Completes the file. Returns the number of rows, and the file, which lacks its name: for
    /// [`AtomicFile::finish_all`] of several.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete(self) -> Result<(u64, AtomicFile)> {
        self.sink.complete()
    }
}

//! Rows that can be read again and again, from any row on.

use super::row_file::RowFile;
use super::source::{RowSource, SliceSource, check_dim};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use std::fmt;
use std::ops::Range;

/// Rows that can be read again and again, from any row on, by several readers at once: a file, host memory, or whatever a
/// program keeps them in.
///
/// [`RowFile`] and [`HostRows`] are two. What it holds must not change while somebody reads it.
pub trait RowStore: Send + Sync {
    /// Rows.
    fn row_count(&self) -> u64;

    /// A stream of these rows, maybe of none; every stream is of one type and dimension.
    ///
    /// # Errors
    /// `InvalidArgument` for a range that is not within the rows; whatever the store meets.
    fn stream(&self, rows: Range<u64>) -> Result<Box<dyn RowSource + '_>>;
}

/// Rows in host memory, owned: a [`RowStore`].
///
/// # Example
/// ```
/// use nearfield::Rows;
/// use nearfield::format::{HostRows, RowStore};
/// let floats = HostRows::f32(vec![0.0, 0.5, 1.0, 1.5], 2)?;
/// let bytes = HostRows::new(vec![1u8, 2, 3, 4, 5, 6], 3, |bytes| Rows::U8(bytes))?;
/// assert_eq!((floats.row_count(), bytes.row_count()), (2, 2));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub struct HostRows<T> {
    data: T,
    view: fn(&T) -> Rows<'_>,
    dtype: DType,
    dim: usize,
    rows: u64,
}

impl<T: AsRef<[f32]>> HostRows<T> {
    /// f32 rows, row-major: a `Vec<f32>`, a `Box<[f32]>`, an `Arc<[f32]>`. Copies nothing.
    ///
    /// # Errors
    /// As [`HostRows::new`].
    pub fn f32(data: T, dim: usize) -> Result<Self> {
        HostRows::new(data, dim, |data| Rows::F32(data.as_ref()))
    }
}

impl<T> HostRows<T> {
    /// Rows of any type: `view` says where in `data` they lie, the same at every call. Copies nothing.
    ///
    /// # Errors
    /// `PartialRow` when the length is no multiple of `dim`; `InvalidArgument` for a `dim` of 0 or an absurd one.
    pub fn new(data: T, dim: usize, view: fn(&T) -> Rows<'_>) -> Result<Self> {
        let all = view(&data);
        check_dim(dim)?;
        let (dtype, rows) = (all.dtype(), all.count(dim)? as u64);
        Ok(HostRows { data, view, dtype, dim, rows })
    }
}

impl<T: Send + Sync> RowStore for HostRows<T> {
    fn row_count(&self) -> u64 {
        self.rows
    }

    fn stream(&self, rows: Range<u64>) -> Result<Box<dyn RowSource + '_>> {
        let all = (self.view)(&self.data);
        if all.dtype() != self.dtype || all.count(self.dim)? as u64 != self.rows {
            return Err(Error::argument("view", "the rows are not those of the first call"));
        }
        within(&rows, self.rows)?;
        let part = all.slice(self.dim, rows.start as usize..rows.end as usize);
        Ok(Box::new(SliceSource::new(part, self.dim)?))
    }
}

impl<T> fmt::Debug for HostRows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostRows({} x {} {})", self.rows, self.dim, self.dtype)
    }
}

impl RowStore for RowFile {
    fn row_count(&self) -> u64 {
        RowFile::row_count(self)
    }

    fn stream(&self, rows: Range<u64>) -> Result<Box<dyn RowSource + '_>> {
        within(&rows, RowFile::row_count(self))?;
        Ok(Box::new(self.part(rows)))
    }
}

fn within(rows: &Range<u64>, count: u64) -> Result<()> {
    if rows.start <= rows.end && rows.end <= count {
        return Ok(());
    }
    Err(Error::argument("rows", format!("{rows:?} is not within 0..{count}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stream_and_bad_ones_are_refused() {
        let store = HostRows::new(vec![1i8, 2, 3, 4, 5, 6, 7, 8], 2, |v| Rows::I8(v)).unwrap();
        let mut seen = Vec::new();
        let mut stream = store.stream(1..3).unwrap();
        while let Some(rows) = stream.next_rows(1).unwrap() {
            seen.extend(rows.to_f32());
        }
        assert_eq!(seen, [3.0, 4.0, 5.0, 6.0]);
        #[expect(clippy::reversed_empty_ranges)]
        for bad in [0..5, 5..5, 3..2] {
            assert!(matches!(store.stream(bad), Err(Error::InvalidArgument { .. })));
        }
        assert!(matches!(HostRows::f32(vec![0.0; 3], 2), Err(Error::PartialRow { .. })));
        assert!(matches!(HostRows::f32(vec![0.0; 3], 0), Err(Error::InvalidArgument { .. })));
    }
}

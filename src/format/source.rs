//! Streams of rows.

use super::limits::MAX_DIM;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};

/// A stream of rows of any length: a file, a slice, or whatever a program generates.
///
/// Consumers hold one block at a time, so a source may be far larger than memory.
///
/// # Example
/// ```
/// use nearfield::{DType, Result, RowSource, Rows};
///
/// /// The points 0, 1, 2, ... of a line.
/// struct Line {
///     next: u64,
///     end: u64,
///     block: Vec<f32>,
/// }
///
/// impl RowSource for Line {
///     fn dtype(&self) -> DType {
///         DType::F32
///     }
///     fn dim(&self) -> usize {
///         1
///     }
///     fn remaining(&self) -> Option<u64> {
///         Some(self.end - self.next)
///     }
///     fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
///         let end = self.end.min(self.next + max_rows.max(1) as u64);
///         self.block = (self.next..end).map(|x| x as f32).collect();
///         self.next = end;
///         Ok((!self.block.is_empty()).then_some(Rows::F32(&self.block)))
///     }
/// }
///
/// let mut line = Line { next: 0, end: 5, block: Vec::new() };
/// let first = line.next_rows(3)?.map(|rows| rows.to_f32());
/// assert_eq!((first, line.remaining()), (Some(vec![0.0, 1.0, 2.0]), Some(2)));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub trait RowSource {
    /// The type of the elements of every block.
    fn dtype(&self) -> DType;

    /// Elements in a row; for [`DType::Bits`] the number of bits.
    fn dim(&self) -> usize;

    /// Rows still to come, where the source knows.
    fn remaining(&self) -> Option<u64>;

    /// The next block: at least one row, at most `max_rows` (0 counts as 1), `None` at the end.
    ///
    /// # Errors
    /// Whatever the source meets; it stays where it was, before the block that failed.
    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>>;
}

/// A [`RowSource`] over rows in memory.
#[derive(Clone, Debug)]
pub struct SliceSource<'a> {
    rows: Rows<'a>,
    dim: usize,
    next: usize,
    end: usize,
}

impl<'a> SliceSource<'a> {
    /// Streams `rows`, of `dim` elements each, without copying them.
    ///
    /// # Errors
    /// `PartialRow` when the length is no multiple of `dim`; `InvalidArgument` for a `dim` of 0 or an absurd one.
    pub fn new(rows: Rows<'a>, dim: usize) -> Result<Self> {
        check_dim(dim)?;
        Ok(SliceSource { rows, dim, next: 0, end: rows.count(dim)? })
    }
}

impl RowSource for SliceSource<'_> {
    fn dtype(&self) -> DType {
        self.rows.dtype()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some((self.end - self.next) as u64)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let start = self.next;
        self.next += max_rows.max(1).min(self.end - start);
        Ok((self.next > start).then(|| self.rows.slice(self.dim, start..self.next)))
    }
}

/// Refuses dimensions that no file holds; byte counts of the others cannot overflow.
pub(super) fn check_dim(dim: usize) -> Result<()> {
    if dim == 0 || dim > MAX_DIM {
        return Err(Error::argument("dim", format!("{dim} is not within 1..={MAX_DIM}")));
    }
    Ok(())
}

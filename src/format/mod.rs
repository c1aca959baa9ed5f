//! Rows from outside: a stream of them, and the files that hold them.

use crate::dtype::{DType, Rows};
use crate::error::Result;

/// A stream of rows of any length.
///
/// Implement it to feed an index from wherever the data is; only one block is in host memory at a time.
#[expect(
    clippy::len_without_is_empty,
    reason = "a stream of unknown length cannot say whether it is empty"
)]
pub trait RowSource {
    /// The type of the elements.
    fn dtype(&self) -> DType;
    /// Elements a row; of `Bits`, bits.
    fn dim(&self) -> usize;
    /// How many rows are still to come, where the source knows.
    fn len(&self) -> Option<u64>;
    /// The next rows: at least one and at most `max_rows`, or `None` at the end.
    ///
    /// # Errors
    /// Whatever the source meets; the caller passes it on.
    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>>;
}

//! The rows of an index as a stream, for another of its kind.

use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::ids::RowSet;
use std::ops::Range;

/// Host memory for a block of rows.
const BLOCK_BYTES: usize = 4 << 20;

/// The bytes of some rows.
type Read<'a> = dyn Fn(Range<u64>) -> Result<Vec<u8>> + 'a;

/// Those of some rows that are in a set, or all, in their order.
pub(in crate::index) struct StoredRows<'a> {
    dtype: DType,
    dim: usize,
    rows: u64,
    read: Box<Read<'a>>,
    live: Option<&'a RowSet>,
    /// The next row, in the set or not.
    next: u64,
    /// How many of the set are still to come.
    left: u64,
    /// A block, aligned for every type.
    words: Vec<u32>,
}

impl<'a> StoredRows<'a> {
    pub fn new(
        (dtype, dim): (DType, usize),
        rows: u64,
        live: Option<&'a RowSet>,
        read: impl Fn(Range<u64>) -> Result<Vec<u8>> + 'a,
    ) -> Self {
        let left = live.map_or(rows, RowSet::count);
        StoredRows { dtype, dim, rows, read: Box::new(read), live, next: 0, left, words: vec![] }
    }
}

impl RowSource for StoredRows<'_> {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.left)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let row_bytes = self.dtype.row_bytes(self.dim);
        let step = (BLOCK_BYTES / row_bytes).clamp(1, max_rows.max(1)) as u64;
        let mut bytes = 0;
        while bytes == 0 && self.next < self.rows {
            let (start, end) = (self.next, (self.next + step).min(self.rows));
            let mut block = (self.read)(start..end)?;
            if let Some(live) = self.live {
                let mut to = 0;
                for row in (start..end).filter(|&row| live.has(row as usize)) {
                    let from = (row - start) as usize * row_bytes;
                    block.copy_within(from..from + row_bytes, to);
                    to += row_bytes;
                }
                block.truncate(to);
            }
            self.next = end;
            self.left -= (block.len() / row_bytes) as u64;
            bytes = block.len();
            self.words.resize(bytes.div_ceil(4), 0);
            bytemuck::cast_slice_mut::<u32, u8>(&mut self.words)[..bytes].copy_from_slice(&block);
        }
        if bytes == 0 {
            return Ok(None);
        }
        Rows::from_bytes(self.dtype, &bytemuck::cast_slice(&self.words)[..bytes]).map(Some)
    }
}

/// Copies the bytes of rows to where they are asked for.
pub(in crate::index) fn copied(bytes: &[u8], out: &mut [u8]) -> Result<()> {
    if bytes.len() != out.len() {
        return Err(Error::internal(format!("{} bytes for {}", bytes.len(), out.len())));
    }
    out.copy_from_slice(bytes);
    Ok(())
}

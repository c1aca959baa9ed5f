//! A file's rows from its first on, block after block.

use super::RowFile;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::format::block::Block;
use crate::format::limits::BLOCK_BYTES;
use crate::format::source::RowSource;

impl RowFile {
    /// Rows that a copying reader takes at a time.
    fn block_rows(&self) -> u64 {
        let row = self.file.layout.stride().max(self.dtype.row_bytes(self.dim));
        (BLOCK_BYTES / row).max(1) as u64
    }
}

impl RowSource for RowFile {
    fn dtype(&self) -> DType {
        self.dtype
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.end - self.next)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let (start, most) = (self.next, max_rows.max(1) as u64);
        if start == self.end {
            return Ok(None);
        }
        if self.direct {
            self.next = self.end.min(start.saturating_add(most));
            return self.slice(start, self.next).map(Some);
        }
        let (file, dim, step) = (&self.file, self.dim, self.block_rows());
        let rows = start..self.end.min(start.saturating_add(most));
        let mut ahead = std::mem::take(&mut self.ahead);
        let loading = self.loading();
        let load = |rows, block: &mut Block| loading.load(file, rows, block);
        let filled =
            ahead.fill(rows, step, self.dtype, load, |rows, seen| self.account(rows, seen));
        self.ahead = ahead;
        filled?;
        let rows = self.ahead.take(start, most, dim)?;
        self.next = start + rows.count(dim)? as u64;
        Ok(Some(rows))
    }
}

//! Rows that are transformed on their way into an index.

use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::other_type::check_f32;
use crate::quantize::Chain;

/// Host memory for a block of rows, before or behind the transforms.
const BLOCK_BYTES: usize = 32 << 20;

/// The rows of a source behind transforms.
pub(super) struct Transformed<'a> {
    source: &'a mut dyn RowSource,
    chain: &'a Chain,
    /// Rows that went before.
    done: u64,
    block: Vec<f32>,
}

impl<'a> Transformed<'a> {
    /// Refuses rows that are not those of the transforms.
    pub fn new(source: &'a mut dyn RowSource, chain: &'a Chain) -> Result<Transformed<'a>> {
        check_f32(source, chain.dim_in())?;
        if !chain.is_trained() {
            return Err(Error::NotTrained);
        }
        Ok(Transformed { source, chain, done: 0, block: Vec::new() })
    }
}

impl RowSource for Transformed<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.chain.dim_out()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let dim = self.chain.dim_in();
        let most = (BLOCK_BYTES / 4 / dim.max(self.chain.dim_out())).clamp(1, max_rows.max(1));
        let Some(rows) = self.source.next_rows(most)? else { return Ok(None) };
        self.block = self.chain.apply(rows, self.done)?;
        self.done += rows.count(dim)? as u64;
        Ok(Some(Rows::F32(&self.block)))
    }
}

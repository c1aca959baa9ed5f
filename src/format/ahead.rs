//! Reading ahead, where rows are copied: several blocks are filled at a time, on several threads.

use super::block::Block;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::parallel::each;
use std::ops::Range;

/// Blocks that are filled together.
const BLOCKS: u64 = 8;

/// The blocks that were filled last, in row order.
#[derive(Debug, Default)]
pub(super) struct Ahead(Vec<Filled>);

#[derive(Debug)]
struct Filled {
    rows: Range<u64>,
    block: Block,
    /// Why it could not be filled.
    failed: Option<Error>,
}

impl Ahead {
    /// Fills blocks of `step` rows from the first of `rows` on, unless that lies in one that is filled; `load` fills one, and
    /// `account` is told of each what that brought, in row order.
    pub fn fill<T: Send>(
        &mut self,
        rows: Range<u64>,
        step: u64,
        dtype: DType,
        load: impl Fn(Range<u64>, &mut Block) -> Result<T> + Send + Sync,
        account: impl Fn(Range<u64>, T) -> Result<()>,
    ) -> Result<()> {
        if self.0.iter().any(|filled| filled.rows.contains(&rows.start)) {
            return Ok(());
        }
        let end = rows.end.min(rows.start + BLOCKS * step);
        let mut free = std::mem::take(&mut self.0).into_iter().map(|filled| filled.block);
        let blocks = (rows.start..end).step_by(step as usize).map(|start| {
            let block = free.next().unwrap_or_else(|| Block::new(dtype));
            Filled { rows: start..(start + step).min(end), block, failed: None }
        });
        let loaded = each(blocks.collect(), |mut filled: Filled| {
            let loaded = load(filled.rows.clone(), &mut filled.block);
            Ok((filled, loaded))
        })?;
        for (mut filled, loaded) in loaded {
            filled.failed = loaded.and_then(|brought| account(filled.rows.clone(), brought)).err();
            self.0.push(filled);
        }
        Ok(())
    }

    /// The rows of the block that row `next` lies in, from that row on, `most` at most; the error where it could not be filled.
    pub fn take(&mut self, next: u64, most: u64, dim: usize) -> Result<Rows<'_>> {
        let at = self.0.iter().position(|filled| filled.rows.contains(&next));
        let at = at.ok_or_else(|| Error::internal(format!("row {next} is in no block")))?;
        if let Some(error) = self.0[at].failed.take() {
            // The next call shall try again.
            self.0.clear();
            return Err(error);
        }
        let Filled { rows, block, .. } = &self.0[at];
        let end = rows.end.min(next.saturating_add(most));
        let within = |row: u64| (row - rows.start) as usize;
        Ok(block.rows().slice(dim, within(next)..within(end)))
    }
}

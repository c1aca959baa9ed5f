//! The rows of a file as a stream.

use super::fast_scan::Blocks;
use super::found::{Found, Stretch};
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::format::LittleEndian as _;
use crate::format::RowSource;
use crate::io::reader::Reader;

/// Host memory for a block of rows.
const BLOCK_BYTES: u64 = 4 << 20;

/// Rows of all stretches, one after the other; of codes the bytes.
pub(super) struct FileRows<'a> {
    file: &'a mut Reader,
    dtype: DType,
    dim: usize,
    row_bytes: u64,
    blocks: Option<Blocks>,
    stretches: &'a [Stretch],
    /// Rows of the first of these that were read.
    done: u64,
    left: u64,
    /// A block, aligned for every type.
    words: Vec<u32>,
}

impl<'a> FileRows<'a> {
    pub fn new(file: &'a mut Reader, found: &'a Found) -> FileRows<'a> {
        FileRows {
            file,
            dtype: found.dtype,
            dim: found.row_dim(),
            row_bytes: found.row_bytes,
            blocks: found.blocks,
            stretches: &found.stretches,
            done: 0,
            left: found.rows,
            words: Vec::new(),
        }
    }
}

/// The codes of the rows of a stretch at `at` from number `next` on, out of its blocks.
fn unpack(
    file: &mut Reader,
    blocks: Blocks,
    (at, mut next): (u64, u64),
    row_bytes: u64,
    mut codes: &mut [u8],
) -> Result<()> {
    let mut block = vec![0; blocks.bytes() as usize];
    while !codes.is_empty() {
        let (number, first) = (next / blocks.rows(), next % blocks.rows());
        file.go_to(at + number * blocks.bytes())?;
        file.fill(&mut block)?;
        let take = (blocks.rows() - first).min(codes.len() as u64 / row_bytes);
        let (now, rest) = codes.split_at_mut((take * row_bytes) as usize);
        blocks.unpack(&block, first as usize, now);
        codes = rest;
        next += take;
    }
    Ok(())
}

impl RowSource for FileRows<'_> {
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
        let most = (BLOCK_BYTES / self.row_bytes).clamp(1, (max_rows as u64).max(1));
        let rows = most.min(self.left);
        if rows == 0 {
            return Ok(None);
        }
        let bytes = (rows * self.row_bytes) as usize;
        self.words.resize(bytes.div_ceil(4), 0);
        let mut block: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut self.words)[..bytes];
        // short lists make one block together
        while let (Some(stretch), false) = (self.stretches.first(), block.is_empty()) {
            let take = (stretch.rows - self.done).min(block.len() as u64 / self.row_bytes);
            let (now, rest) = block.split_at_mut((take * self.row_bytes) as usize);
            match self.blocks {
                None => {
                    self.file.go_to(stretch.at + self.done * self.row_bytes)?;
                    self.file.fill(now)?;
                }
                Some(blocks) => {
                    let place = (stretch.at, self.done);
                    unpack(self.file, blocks, place, self.row_bytes, now)?;
                }
            }
            block = rest;
            self.done += take;
            if self.done == stretch.rows {
                self.stretches = &self.stretches[1..];
                self.done = 0;
            }
        }
        self.left -= rows;
        Rows::from_bytes(self.dtype, &bytemuck::cast_slice(&self.words)[..bytes]).map(Some)
    }
}

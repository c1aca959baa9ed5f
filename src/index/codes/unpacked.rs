//! Codes as rows of a type of the device.

use super::row_codes::RowCodes;
use crate::dtype::{AlignedBlock, DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;

/// Packed codes of a source of bytes, as the device stores them.
pub(in crate::index) struct Unpacked<'a> {
    source: &'a mut dyn RowSource,
    codes: &'a RowCodes,
    /// The list of each row, where there are lists.
    labels: &'a [u32],
    /// Rows that were read.
    done: usize,
    block: AlignedBlock,
}

impl<'a> Unpacked<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        codes: &'a RowCodes,
        labels: &'a [u32],
    ) -> Unpacked<'a> {
        Unpacked { source, codes, labels, done: 0, block: AlignedBlock::default() }
    }
}

impl RowSource for Unpacked<'_> {
    fn dtype(&self) -> DType {
        self.codes.stored().0
    }

    fn dim(&self) -> usize {
        self.codes.stored().1
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(codes) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let packed = codes.bytes();
        let rows = packed.len() / self.codes.quantizer.code_bytes();
        let labels = match self.codes.residual {
            true => self.labels.get(self.done..self.done + rows),
            false => Some(&[][..]),
        };
        let missing = || Error::internal(format!("{} labels", self.labels.len()));
        let first = self.done as u64;
        let bytes = self.codes.unpacked(packed, first, labels.ok_or_else(missing)?)?;
        self.done += rows;
        self.block.rows(self.codes.stored().0, &bytes).map(Some)
    }
}

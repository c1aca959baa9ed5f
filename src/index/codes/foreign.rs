//! Codes as FAISS's files have them, which of RaBitQ are not as files of this crate have them.

use super::row_codes::RowCodes;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::quantize::Quantizer;

impl RowCodes {
    /// Codes as FAISS has them, of rows as the device stores them.
    pub fn foreign(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let Quantizer::RaBitQ(of) = &self.quantizer else { return Ok(self.packed(bytes)) };
        let (labels, codes) = self.unlabelled(bytes);
        of.to_faiss(&codes, self.listed(&labels))
    }
}

/// Codes of FAISS's as files of this crate have them.
pub(in crate::index) struct OfForeign<'a> {
    source: &'a mut dyn RowSource,
    codes: &'a RowCodes,
    /// The list of each row, where there are lists.
    labels: &'a [u32],
    /// Rows that were read.
    done: usize,
    block: Vec<u8>,
}

impl<'a> OfForeign<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        codes: &'a RowCodes,
        labels: &'a [u32],
    ) -> OfForeign<'a> {
        OfForeign { source, codes, labels, done: 0, block: Vec::new() }
    }
}

impl RowSource for OfForeign<'_> {
    fn dtype(&self) -> DType {
        DType::U8
    }

    fn dim(&self) -> usize {
        self.codes.quantizer.code_bytes()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Quantizer::RaBitQ(of) = &self.codes.quantizer else {
            return self.source.next_rows(max_rows);
        };
        let Some(codes) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let codes = codes.bytes();
        let rows = codes.len() / of.code_bytes();
        let labels = self.codes.labels(self.labels.get(self.done..).unwrap_or_default(), rows);
        let missing = || Error::internal(format!("{} labels", self.labels.len()));
        let labels = labels.get(..rows).ok_or_else(missing)?;
        self.block = of.of_faiss(codes, self.codes.listed(labels))?;
        self.done += rows;
        Ok(Some(Rows::U8(&self.block)))
    }
}

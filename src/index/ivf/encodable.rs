//! Rows on their way to an index that keeps them beside their codes.

use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::format::RowSource;
use crate::index::other_type::check_f32;
use crate::quantize::ScalarQuantizer;

/// Rows on their way to an index that keeps them as they are: what their type of codes cannot hold is refused as where there are codes alone.
pub(super) struct Encodable<'a> {
    source: &'a mut dyn RowSource,
    quantizer: &'a ScalarQuantizer,
    /// Rows that were read.
    done: u64,
}

impl<'a> Encodable<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        quantizer: &'a ScalarQuantizer,
    ) -> Result<Encodable<'a>> {
        check_f32(source, quantizer.dim())?;
        Ok(Encodable { source, quantizer, done: 0 })
    }
}

impl RowSource for Encodable<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.quantizer.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let Some(rows) = self.source.next_rows(max_rows)? else { return Ok(None) };
        // ranges hold every number
        if self.quantizer.kind().ranged_bits().is_none() {
            self.quantizer.elements(rows, self.done)?;
        }
        self.done += rows.count(self.quantizer.dim())? as u64;
        Ok(Some(rows))
    }
}

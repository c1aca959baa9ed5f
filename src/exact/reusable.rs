//! A dataset whose buffers are there before its rows, and serve others afterwards: a chunk of a stream.

use super::dataset::Dataset;
use super::rounded::copies::{self, Copies, Rounded};
use super::rounded::f16;
use crate::buffer::{BIN, Uploader};
use crate::error::{Error, Result};
use crate::exact::encoding::Encoding;
use crate::format::RowSource;
use crate::space::check::RowFacts;

impl Dataset {
    /// Whether a chunk of such rows would be copied to f16, were it allowed.
    pub fn would_copy(&self) -> Result<bool> {
        Ok(copies::f16_operand(self.compared(), Copies::F16)? == Some(Encoding::F16Copy))
    }

    /// The rows of a stream in the place of its own, for a caller who alone holds the dataset; what is refused is named as
    /// row `number` of the call and those that follow.
    pub fn refilled(
        self,
        source: &mut dyn RowSource,
        number: u64,
        ring: &mut Option<Uploader>,
    ) -> Result<Dataset> {
        self.emptied().append_at(source, number, ring)
    }

    /// For many queries alone: without a copy in 8 bits of the rows that are to come, which few would read.
    pub fn for_many(self) -> Dataset {
        let copies = if self.copies() == Copies::All { Copies::F16 } else { self.copies() };
        self.with_copies(copies)
    }

    /// What there is of the rows besides, of other elements that were written where they lie, for a caller who alone holds the dataset.
    /// `facts` hold of these elements, and nothing is waited for to know them.
    pub fn renewed(&self, facts: RowFacts) -> Result<Dataset> {
        if self.transforms() {
            return Err(Error::internal("rows that are transformed changed where they lie"));
        }
        let compared = self.compared().renewed(facts)?;
        let again = |old: Option<&Rounded>| {
            let operand = old.map(|old| old.operand);
            Rounded::extended(&compared, operand, old, 0)
        };
        let (f16, int8) = (again(self.f16())?, again(self.int8())?);
        Ok(self.clone().with_compared(compared, f16, int8))
    }

    /// Device memory that `rows` rows take in one segment.
    pub fn bytes_of(&self, rows: u64, copies: bool) -> Result<u64> {
        let mut each = 0;
        if self.transforms() {
            each += u64::from(self.rows().stride_bytes());
        }
        if copies && self.would_copy()? {
            each += f16::row_bytes(self.compared().dim());
        }
        // of every bin what the copy lost
        let beside = rows.saturating_mul(each).saturating_add(rows.div_ceil(BIN) * 4);
        Ok(self.compared().bytes_of(rows).saturating_add(beside))
    }

    /// The most rows of which every buffer fits one binding, that of a copy to f16 included.
    pub fn most_room(&self) -> u64 {
        let (rows, compared) = (self.rows().rows_per_segment(), self.compared().matrix());
        // those of the compared rows are cut for a copy, if there may be one
        u64::from(rows.min(compared.rows_per_segment()))
    }
}

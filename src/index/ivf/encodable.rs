//! Rows on their way to an index that keeps them beside their codes.

use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::codes::{In, RowCodes};
use crate::index::other_type::check_f32;
use crate::invlists::InvertedLists;
use crate::metric::Metric;

/// Rows on their way to an index that keeps them as they are: what their type of codes cannot hold is refused as where there are codes alone.
pub(super) struct Encodable<'a> {
    source: &'a mut dyn RowSource,
    of: (&'a Gpu, &'a Metric),
    codes: &'a RowCodes,
    lists: In<'a>,
    /// Of the rows that were read, where codes that may not hold them are of what the lists leave.
    labels: Vec<u32>,
    /// Rows that were read.
    done: u64,
}

impl<'a> Encodable<'a> {
    pub fn new(
        source: &'a mut dyn RowSource,
        of: (&'a Gpu, &'a Metric),
        codes: &'a RowCodes,
        lists: In<'a>,
    ) -> Result<Encodable<'a>> {
        check_f32(source, codes.quantizer.dim())?;
        Ok(Encodable { source, of, codes, lists, labels: Vec::new(), done: 0 })
    }

    /// Whether there are rows that the codes cannot hold: ranges hold every number.
    fn may_refuse(&self) -> bool {
        let scalar = self.codes.quantizer.scalar();
        scalar.is_some_and(|of| of.kind().ranged_bits().is_none())
    }

    /// Whether it has to know the lists of rows.
    fn labels_rows(&self) -> bool {
        self.codes.residual && self.may_refuse()
    }

    /// The lists with these rows behind, each in that which it is nearest to.
    pub fn append_to(&mut self, lists: &InvertedLists) -> Result<InvertedLists> {
        match self.labels_rows() {
            true => lists.append_labelling(self, |rows| rows.labels.clone()),
            false => lists.append(self),
        }
    }

    /// The lists with these rows in the place of numbered ones.
    pub fn replace_in(
        &mut self,
        lists: &InvertedLists,
        rows: &[u32],
        (live, more): (Option<&[u32]>, u64),
    ) -> Result<InvertedLists> {
        match self.labels_rows() {
            true => lists.replace_labelling(rows, self, (live, more), |rows| rows.labels.clone()),
            false => lists.replace(rows, self, live, more),
        }
    }
}

/// The lists of rows, the first of which is number `first` of its call.
fn labels_of(lists: &In<'_>, rows: Rows<'_>, first: usize, count: usize) -> Result<Vec<u32>> {
    let known = match lists {
        In::Nearest(lists) => return lists.nearest_of(rows),
        In::Known(labels) => labels.get(first..first + count),
        In::None => None,
    };
    known.map(<[u32]>::to_vec).ok_or_else(|| Error::internal("no lists of rows"))
}

impl RowSource for Encodable<'_> {
    fn dtype(&self) -> DType {
        DType::F32
    }

    fn dim(&self) -> usize {
        self.codes.quantizer.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let may_refuse = self.may_refuse();
        let Some(rows) = self.source.next_rows(max_rows)? else { return Ok(None) };
        let count = rows.count(self.codes.quantizer.dim())?;
        if may_refuse {
            let first = self.labels.len();
            if self.codes.residual {
                self.labels.extend(labels_of(&self.lists, rows, first, count)?);
            }
            self.codes.encode(self.of, rows, self.done, &self.labels[first..])?;
        }
        self.done += count as u64;
        Ok(Some(rows))
    }
}

//! Many rows under given ids at once: in the place of those that are there, behind the others.

use super::snapshot::{Snapshot, check_distinct, matching};
use super::stored::Stored;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{RowSource, SliceSource};
use crate::index::changing::wrong_type;
use crate::index::ids::RowSet;

impl<R: Stored> Snapshot<R> {
    /// With other values for these ids.
    pub fn update(&self, values: Rows<'_>, ids: &[u64]) -> Result<Snapshot<R>> {
        self.check_given(values, ids)?;
        let places = ids.iter().map(|&id| Ok(self.row_of(id)? as u32));
        let places = places.collect::<Result<Vec<u32>>>()?;
        let mut source = SliceSource::new(values, self.rows().dim())?;
        self.replaced(&places, &mut source, 0)
    }

    /// With these values for these ids, of which those that are not there are added; and how many these are.
    pub fn upsert(&self, values: Rows<'_>, ids: &[u64]) -> Result<(Snapshot<R>, usize)> {
        self.check_given(values, ids)?;
        let (mut places, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for (number, &id) in ids.iter().enumerate() {
            match self.find(id) {
                Some(row) => {
                    places.push(row as u32);
                    old.push(number);
                }
                None => new.push(number),
            }
        }
        let dim = self.rows().dim();
        let mut source = Picked::new(values, dim, &old);
        let next = self.replaced(&places, &mut source, new.len() as u64);
        let next = next.map_err(|error| renumbered(error, &old))?;
        let ids: Vec<u64> = new.iter().map(|&number| ids[number]).collect();
        let mut source = Picked::new(values, dim, &new);
        let next = next.add(&mut source, Some(&ids));
        let (next, _) = next.map_err(|error| renumbered(error, &new))?;
        Ok((next, new.len()))
    }

    fn check_given(&self, values: Rows<'_>, ids: &[u64]) -> Result<()> {
        let rows = self.rows();
        if values.dtype() != rows.dtype() {
            return Err(wrong_type(values.dtype(), rows.dtype()));
        }
        matching(values.count(rows.dim())? as u64, ids)?;
        check_distinct(ids)
    }

    /// With the rows of a source in these places; `more` are added next.
    fn replaced(
        &self,
        places: &[u32],
        source: &mut dyn RowSource,
        more: u64,
    ) -> Result<Snapshot<R>> {
        if places.is_empty() {
            return Ok(self.clone());
        }
        let live = self.live().map(RowSet::words);
        Ok(self.with_rows(self.rows().replace(places, source, live, more)?))
    }
}

/// Some rows of a block, whose numbers ascend.
struct Picked<'a> {
    rows: Rows<'a>,
    dim: usize,
    /// Those that are still to come.
    numbers: &'a [usize],
    /// Rows that do not lie side by side, brought together.
    block: Vec<u32>,
}

impl<'a> Picked<'a> {
    fn new(rows: Rows<'a>, dim: usize, numbers: &'a [usize]) -> Self {
        Picked { rows, dim, numbers, block: Vec::new() }
    }
}

impl RowSource for Picked<'_> {
    fn dtype(&self) -> DType {
        self.rows.dtype()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.numbers.len() as u64)
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let (now, rest) = self.numbers.split_at(max_rows.max(1).min(self.numbers.len()));
        self.numbers = rest;
        let (Some(&first), Some(&last)) = (now.first(), now.last()) else { return Ok(None) };
        if last - first + 1 == now.len() {
            return Ok(Some(self.rows.slice(self.dim, first..last + 1)));
        }
        let dtype = self.rows.dtype();
        let row_bytes = dtype.row_bytes(self.dim);
        let bytes = now.len() * row_bytes;
        self.block.resize(bytes.div_ceil(4), 0);
        let block: &mut [u8] = bytemuck::cast_slice_mut(&mut self.block);
        for (to, &number) in block.chunks_exact_mut(row_bytes).zip(now) {
            let from = self.rows.slice(self.dim, number..number + 1);
            to.copy_from_slice(from.bytes());
        }
        Rows::from_bytes(dtype, &block[..bytes]).map(Some)
    }
}

/// A refusal of row i of some rows as one of row `numbers[i]` of the call.
fn renumbered(mut error: Error, numbers: &[usize]) -> Error {
    if let Error::NonFinite { row, .. } | Error::InvalidValue { row, .. } = &mut error
        && let Some(&number) = numbers.get(*row as usize)
    {
        *row = number as u64;
    }
    error
}

#[cfg(test)]
#[path = "put_tests.rs"]
mod tests;

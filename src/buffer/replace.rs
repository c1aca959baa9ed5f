//! Rows in the place of others.

use super::append::capacity;
use super::matrix::Matrix;
use super::segment::Segment;
use super::transfer::{LABEL, copy, ring, upload};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use std::ops::Range;

/// Which rows of one segment are meant.
pub(crate) struct Touched {
    pub segment: usize,
    /// From the first of them to behind the last, numbered in the matrix.
    pub rows: Range<u64>,
    /// Whether they are all of that range.
    pub whole: bool,
}

impl Matrix {
    /// A matrix with `rows` in the place of its own from `row` on.
    ///
    /// Cost: copies the segments that change on the device, uploads the new rows alone.
    ///
    /// # Errors
    /// As [`Matrix::append`]; `InvalidArgument` when the rows reach beyond the end.
    pub fn replace(&self, row: usize, rows: Rows<'_>) -> Result<Matrix> {
        self.check_type(rows.dtype())?;
        let count = rows.count(self.dim)?;
        if row.checked_add(count).is_none_or(|end| end > self.len()) {
            let reason = format!("{count} rows from {row} on, of {}", self.len);
            return Err(Error::argument("row", reason));
        }
        let mut new = self.clone();
        let (row, end) = (row as u64, (row + count) as u64);
        let mut ring = ring(self, end - row, 0);
        let block = (ring.block_bytes() / u64::from(self.stride)).max(1);
        for at in 0..self.segments.len() {
            let segment = &self.segments[at];
            let first = segment.first_row();
            let (from, to) = (row.max(first), end.min(first + u64::from(segment.rows())));
            if from >= to {
                continue;
            }
            new.own(at, segment.capacity())?;
            let buffer = new.segments[at].buffer().clone();
            let mut at = from;
            while at < to {
                let next = to.min(at + block);
                let part = rows.slice(self.dim, (at - row) as usize..(next - row) as usize);
                let place = (at - first) * u64::from(self.stride);
                upload(&mut ring, self, &buffer, place, part, at, &|_, _| Ok(()))?;
                at = next;
            }
        }
        self.gpu.check_alive()?;
        Ok(new)
    }

    /// The segments that these rows lie in, which are all there and each of them once.
    pub(crate) fn touched(&self, rows: &[u32]) -> Vec<Touched> {
        let mut found: Vec<Option<(Range<u64>, u64)>> = vec![None; self.segments.len()];
        for row in rows.iter().map(|&row| u64::from(row)) {
            let (range, count) = found[self.segment_of(row)].get_or_insert((row..row, 0));
            *range = range.start.min(row)..range.end.max(row + 1);
            *count += 1;
        }
        let found = found.into_iter().enumerate().filter_map(|(at, found)| Some((at, found?)));
        let touched = found.map(|(segment, (rows, count))| Touched {
            segment,
            whole: rows.end - rows.start == count,
            rows,
        });
        touched.collect()
    }

    /// The same rows, where the touched segments have buffers of their own, to be written before anybody else sees them. The
    /// last one gets room for `more` rows behind, so that it is not copied again when they are appended.
    pub(crate) fn unshared(&self, touched: &[Touched], more: u64) -> Result<Matrix> {
        let mut new = self.clone();
        for segment in touched.iter().map(|touched| touched.segment) {
            let own = &self.segments[segment];
            let (rows, had, most) = (own.rows(), own.capacity(), self.rows_per_segment);
            let last = segment + 1 == self.segments.len();
            let fits = u64::from(rows) + more <= u64::from(had) || had >= most;
            let wanted = if last && !fits { capacity(most, rows, had, 0, more) } else { had };
            match new.own(segment, wanted) {
                Err(Error::OutOfDeviceMemory { .. }) if wanted > had => new.own(segment, had)?,
                other => other?,
            }
        }
        Ok(new)
    }

    /// Copies a segment into a buffer that no other matrix has.
    fn own(&mut self, at: usize, capacity: u32) -> Result<()> {
        let old = &self.segments[at];
        let buffer = self.gpu.alloc(LABEL, u64::from(capacity) * u64::from(self.stride))?;
        copy(self, old, &buffer)?;
        self.segments[at] =
            Segment::new(buffer, old.first_row(), old.rows(), capacity, self.stride);
        Ok(())
    }
}

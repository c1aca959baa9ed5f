//! Rows in the place of others.

use super::matrix::Matrix;
use super::segment::Segment;
use super::transfer::{LABEL, copy, ring, upload};
use crate::dtype::Rows;
use crate::error::{Error, Result};

impl Matrix {
    /// A matrix with `rows` in the place of its own from `row` on.
    ///
    /// Cost: copies the segments that change on the device, uploads the new rows alone.
    ///
    /// # Errors
    /// As [`Matrix::append`]; `InvalidArgument` when the rows reach beyond the end.
    pub fn replace(&self, row: u64, rows: Rows<'_>) -> Result<Matrix> {
        self.check_type(rows.dtype())?;
        let count = rows.count(self.dim)? as u64;
        if row.checked_add(count).is_none_or(|end| end > self.len) {
            let reason = format!("{count} rows from {row} on, of {}", self.len);
            return Err(Error::argument("row", reason));
        }
        let mut new = self.clone();
        let end = row + count;
        let mut ring = ring(self, end - row, 0);
        let block = (ring.block_bytes() / u64::from(self.stride)).max(1);
        for segment in &mut new.segments {
            let first = segment.first_row();
            let (from, to) = (row.max(first), end.min(first + u64::from(segment.rows())));
            if from >= to {
                continue;
            }
            let size = u64::from(segment.capacity()) * u64::from(self.stride);
            let buffer = self.gpu.alloc(LABEL, size)?;
            copy(self, segment, &buffer)?;
            let mut at = from;
            while at < to {
                let next = to.min(at + block);
                let part = rows.slice(self.dim, (at - row) as usize..(next - row) as usize);
                let place = (at - first) * u64::from(self.stride);
                upload(&mut ring, self, &buffer, place, part, at, &|_, _| Ok(()))?;
                at = next;
            }
            let (rows, capacity) = (segment.rows(), segment.capacity());
            *segment = Segment::new(buffer, first, rows, capacity, self.stride);
        }
        self.gpu.check_alive()?;
        Ok(new)
    }
}

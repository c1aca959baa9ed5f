//! A matrix of the same shape whose rows the device writes.

use super::bin::BIN;
use super::matrix::Matrix;
use super::segment::Segment;
use crate::error::Result;

impl Matrix {
    /// A matrix like this one with `count` rows, each segment of which `fill` writes.
    pub(crate) fn with_rows(
        &self,
        count: u64,
        mut fill: impl FnMut(&Segment) -> Result<()>,
    ) -> Result<Matrix> {
        let mut new = self.clone();
        new.segments = Vec::new();
        new.len = count;
        let most = u64::from(self.rows_per_segment);
        for first in (0..count).step_by(self.rows_per_segment as usize) {
            let rows = most.min(count - first) as u32;
            let capacity = rows.next_multiple_of(BIN as u32);
            let bytes = u64::from(capacity) * u64::from(self.stride);
            let buffer = self.gpu.alloc("rows", bytes)?;
            let segment = Segment::new(buffer, first, rows, capacity, self.stride);
            fill(&segment)?;
            new.segments.push(segment);
        }
        Ok(new)
    }
}

//! One piece of a matrix: as many rows as one binding holds.

use super::handle::Buffer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows in one buffer, at a stride that is a multiple of 16 bytes.
///
/// Several matrices may share the buffer and see a different number of its rows.
#[derive(Clone)]
pub(crate) struct Segment {
    buffer: Buffer,
    first_row: u64,
    rows: u32,
    capacity: u32,
    stride: u32,
    /// Rows of the buffer that some matrix sees or is about to write; the rest is free.
    claimed: Arc<AtomicU32>,
}

impl Segment {
    /// A segment of a fresh buffer with room for `capacity` rows, whose first `rows` are being written by the caller.
    pub(super) fn new(
        buffer: Buffer,
        first_row: u64,
        rows: u32,
        capacity: u32,
        stride: u32,
    ) -> Self {
        let claimed = Arc::new(AtomicU32::new(rows));
        Segment { buffer, first_row, rows, capacity, stride, claimed }
    }

    /// The same buffer with all of its rows free, for a caller who alone holds the segment.
    pub(super) fn emptied(&self) -> Self {
        Segment { rows: 0, claimed: Arc::default(), ..self.clone() }
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The number of its first row in the matrix.
    pub(crate) fn first_row(&self) -> u64 {
        self.first_row
    }

    /// Rows that count; what lies behind them in the buffer is unspecified.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Rows that the buffer has room for.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Bytes from one row to the next; the padding is zero.
    pub(crate) fn stride_bytes(&self) -> u32 {
        self.stride
    }

    /// Bytes of the rows that count.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.stride)
    }

    /// Takes `more` rows behind the last, if there is room and no other append has taken it; whether it did.
    pub(super) fn claim(&mut self, more: u32) -> bool {
        let Some(rows) = self.rows.checked_add(more).filter(|&r| r <= self.capacity) else {
            return false;
        };
        let swap =
            self.claimed.compare_exchange(self.rows, rows, Ordering::AcqRel, Ordering::Relaxed);
        if swap.is_ok() {
            self.rows = rows;
        }
        swap.is_ok()
    }

    /// Gives back all rows from `rows` on, which nobody else has seen.
    pub(super) fn unclaim(&self, rows: u32) {
        // Fails only where the claim was another append's, and then there is nothing to give back.
        let _ = self.claimed.compare_exchange(self.rows, rows, Ordering::AcqRel, Ordering::Relaxed);
    }
}

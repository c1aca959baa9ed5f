//! New matrices from old ones: rows behind the end, rows in the place of others.

use super::matrix::BLOCK_ROWS;
use super::pieces::{self, Check};
use super::upload::{BLOCK_BYTES, Uploader};
use super::{Buffer, Matrix, Segment};
use crate::dtype::Rows;
use crate::error::{Error, Result};

const LABEL: &str = "matrix";

/// A matrix that grows; dropped without [`Append::finish`], it leaves no trace.
pub(super) struct Append<'a> {
    matrix: Matrix,
    /// Rows that the source says are still to come.
    expected: u64,
    /// Made with the first block.
    ring: &'a mut Option<Uploader>,
    /// The old matrix's last segment and how many of its rows that sees, while new rows are written behind them.
    shared: Option<(usize, u32)>,
    finished: bool,
}

impl<'a> Append<'a> {
    pub(super) fn new(
        matrix: &Matrix,
        expected: Option<u64>,
        ring: &'a mut Option<Uploader>,
    ) -> Self {
        Append {
            shared: matrix.segments.last().map(|s| (matrix.segments.len() - 1, s.rows())),
            matrix: matrix.clone(),
            expected: expected.unwrap_or(0),
            ring,
            finished: false,
        }
    }

    /// How many rows fill one staging buffer at most.
    pub(super) fn block_rows(&self) -> usize {
        let bytes = self.ring.as_ref().map_or(BLOCK_BYTES, Uploader::block_bytes);
        let rows = bytes / u64::from(self.matrix.stride);
        rows.clamp(1, u64::from(self.matrix.rows_per_segment)) as usize
    }

    /// Appends rows that pass the check, the first of them number `first_row` there.
    pub(super) fn push(&mut self, rows: Rows<'_>, first_row: u64, check: &Check<'_>) -> Result<()> {
        let count = rows.count(self.matrix.dim)?;
        self.prepare(count as u64)?;
        let block = self.block_rows();
        let mut done = 0;
        while done < count {
            let n = (count - done).min(block).min(self.room() as usize);
            let part = rows.slice(self.matrix.dim, done, done + n);
            self.block(part, n as u32, (count - done) as u64, first_row + done as u64, check)?;
            done += n;
        }
        Ok(())
    }

    /// Makes the ring for `count` rows or those that are expected: of what is left once the rows have their buffers. Rows
    /// that cannot have them are refused before the first is copied; a source's promise of more is none.
    fn prepare(&mut self, count: u64) -> Result<()> {
        let free = self.matrix.segments.last().map_or(0, |s| s.capacity() - s.rows());
        let stride = u64::from(self.matrix.stride);
        let needed = |rows: u64| rows.saturating_sub(free.into()).saturating_mul(stride);
        let ledger = self.matrix.gpu.ledger();
        if needed(count) > ledger.available() {
            return Err(ledger.exhausted(LABEL, needed(count)));
        }
        if self.ring.is_none() {
            let rows = count.max(self.expected);
            *self.ring = Some(ring(&self.matrix, rows, needed(rows)));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Matrix> {
        self.matrix.gpu.check_alive()?;
        self.finished = true;
        Ok(self.matrix.clone())
    }

    /// Rows that the last segment may still take; a new segment's, when it is full.
    fn room(&self) -> u32 {
        let most = self.matrix.rows_per_segment;
        self.matrix.segments.last().map_or(most, |s| match most - s.rows().min(most) {
            0 => most,
            room => room,
        })
    }

    /// Appends rows that fit one staging buffer and one segment; `left` of this push, these included.
    fn block(
        &mut self,
        rows: Rows<'_>,
        count: u32,
        left: u64,
        number: u64,
        check: &Check<'_>,
    ) -> Result<()> {
        let most = self.matrix.rows_per_segment;
        let first_row = self.matrix.len;
        let left = left.max(self.expected);
        match self.matrix.segments.last_mut() {
            Some(tail) if tail.rows() < most => {
                if !tail.claim(count) {
                    let grown = self.grown_tail(count, left)?;
                    self.retract();
                    self.matrix.segments.pop();
                    self.matrix.segments.push(grown);
                }
            }
            _ => {
                let capacity = capacity(most, 0, 0, count, left);
                let (buffer, capacity) = self.buffer(capacity, count)?;
                let segment = Segment::new(buffer, first_row, count, capacity, self.matrix.stride);
                self.matrix.segments.push(segment);
            }
        }
        let (Some(tail), Some(ring)) = (self.matrix.segments.last(), &mut *self.ring) else {
            return Err(Error::internal("a matrix without a tail or a ring"));
        };
        let at = u64::from(tail.rows() - count) * u64::from(self.matrix.stride);
        let to = tail.buffer().clone();
        upload(ring, &self.matrix, &to, at, rows, number, check)?;
        self.matrix.len += u64::from(count);
        self.expected = self.expected.saturating_sub(u64::from(count));
        Ok(())
    }

    /// The last segment in a larger buffer, with `count` more rows claimed.
    fn grown_tail(&self, count: u32, left: u64) -> Result<Segment> {
        let Some(tail) = self.matrix.segments.last() else {
            return Err(Error::internal("a matrix without a tail"));
        };
        let needed = tail.rows() + count;
        let most = self.matrix.rows_per_segment;
        let wanted = capacity(most, tail.rows(), tail.capacity(), count, left);
        let (buffer, capacity) = self.buffer(wanted, needed)?;
        copy(&self.matrix, tail, &buffer)?;
        Ok(Segment::new(buffer, tail.first_row(), needed, capacity, self.matrix.stride))
    }

    /// A buffer for `wanted` rows or, where memory is short, for `needed`.
    fn buffer(&self, wanted: u32, needed: u32) -> Result<(Buffer, u32)> {
        let stride = u64::from(self.matrix.stride);
        let alloc = |rows: u32| {
            let buffer = self.matrix.gpu.alloc(LABEL, u64::from(rows) * stride)?;
            Ok((buffer, rows))
        };
        let least = in_blocks(needed);
        match alloc(wanted) {
            Err(Error::OutOfDeviceMemory { .. }) if least < wanted => alloc(least),
            other => other,
        }
    }

    /// Gives the rows claimed in the old matrix's buffer back.
    fn retract(&mut self) {
        if let Some((index, rows)) = self.shared.take()
            && let Some(segment) = self.matrix.segments.get(index)
        {
            segment.unclaim(rows);
        }
    }
}

impl Drop for Append<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.retract();
        }
    }
}

/// Rows to make room for: what is known to come, or half as much again as there was.
fn capacity(most: u32, rows: u32, old: u32, count: u32, left: u64) -> u32 {
    let known = u64::from(rows) + left.max(u64::from(count));
    let grown = u64::from(old) + u64::from(old) / 2;
    let wanted = known.max(grown).min(u64::from(most)) as u32;
    in_blocks(wanted).min(most)
}

fn in_blocks(rows: u32) -> u32 {
    rows.next_multiple_of(BLOCK_ROWS as u32)
}

/// For `rows` rows, when so many bytes of device memory are still to be taken for them.
fn ring(matrix: &Matrix, rows: u64, needed: u64) -> Uploader {
    let stride = u64::from(matrix.stride);
    // a row may be larger than a block
    Uploader::new(&matrix.gpu, rows.saturating_mul(stride), needed, stride)
}

/// Copies the rows of a segment to the start of another buffer, on the device.
fn copy(matrix: &Matrix, from: &Segment, to: &Buffer) -> Result<()> {
    matrix.gpu.scoped(LABEL, || {
        let mut encoder = matrix.gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from.buffer().raw(), 0, to.raw(), 0, from.bytes());
        matrix.gpu.queue().submit([encoder.finish()]);
    })
}

/// Writes rows at a byte offset, each with its padding, if they pass the check.
fn upload(
    ring: &mut Uploader,
    matrix: &Matrix,
    to: &Buffer,
    at: u64,
    rows: Rows<'_>,
    number: u64,
    check: &Check<'_>,
) -> Result<()> {
    let (dim, stride) = (matrix.dim, matrix.stride as usize);
    let total = rows.count(dim)? * stride;
    ring.copy(to, at, total as u64, |staging| {
        pieces::fill(staging, rows, dim, stride, number, check)
    })
}

pub(super) fn replace(matrix: &Matrix, row: u64, rows: Rows<'_>) -> Result<Matrix> {
    let mut new = matrix.clone();
    let end = row + rows.count(matrix.dim)? as u64;
    let mut ring = ring(matrix, end - row, 0);
    let block = (ring.block_bytes() / u64::from(matrix.stride)).max(1);
    for segment in &mut new.segments {
        let first = segment.first_row();
        let (from, to) = (row.max(first), end.min(first + u64::from(segment.rows())));
        if from >= to {
            continue;
        }
        let size = u64::from(segment.capacity()) * u64::from(matrix.stride);
        let buffer = matrix.gpu.alloc(LABEL, size)?;
        copy(matrix, segment, &buffer)?;
        let mut at = from;
        while at < to {
            let next = to.min(at + block);
            let part = rows.slice(matrix.dim, (at - row) as usize, (next - row) as usize);
            let place = (at - first) * u64::from(matrix.stride);
            upload(&mut ring, matrix, &buffer, place, part, at, &|_, _| Ok(()))?;
            at = next;
        }
        let (rows, capacity) = (segment.rows(), segment.capacity());
        *segment = Segment::new(buffer, first, rows, capacity, matrix.stride);
    }
    matrix.gpu.check_alive()?;
    Ok(new)
}

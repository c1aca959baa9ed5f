//! New matrices from old ones: rows behind the end, rows in the place of others.

use super::matrix::BLOCK_ROWS;
use super::upload::{BLOCK_BYTES, Uploader};
use super::{Buffer, Matrix, Segment};
use crate::dtype::Rows;
use crate::error::{Error, Result};

const LABEL: &str = "matrix";

/// A matrix that grows; dropped without [`Append::finish`], it leaves no trace.
pub(super) struct Append {
    matrix: Matrix,
    /// Rows that the source says are still to come.
    expected: u64,
    uploader: Option<Uploader>,
    /// The old matrix's last segment and how many of its rows that sees, while new rows are written behind them.
    shared: Option<(usize, u32)>,
    finished: bool,
}

impl Append {
    pub(super) fn new(matrix: &Matrix, expected: Option<u64>) -> Self {
        Append {
            shared: matrix.segments.last().map(|s| (matrix.segments.len() - 1, s.rows())),
            matrix: matrix.clone(),
            expected: expected.unwrap_or(0),
            uploader: None,
            finished: false,
        }
    }

    /// How many rows fill one staging buffer.
    pub(super) fn block_rows(&self) -> usize {
        let rows = BLOCK_BYTES / u64::from(self.matrix.stride);
        rows.clamp(1, u64::from(self.matrix.rows_per_segment)) as usize
    }

    pub(super) fn push(&mut self, rows: Rows<'_>) -> Result<()> {
        let count = rows.count(self.matrix.dim)?;
        let block = self.block_rows();
        let mut done = 0;
        while done < count {
            let room = self.room();
            let n = (count - done).min(block).min(room as usize);
            self.block(
                rows.slice(self.matrix.dim, done, done + n),
                n as u32,
                (count - done) as u64,
            )?;
            done += n;
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
    fn block(&mut self, rows: Rows<'_>, count: u32, left: u64) -> Result<()> {
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
        let Some(tail) = self.matrix.segments.last() else {
            return Err(Error::internal("a matrix without a tail"));
        };
        let at = u64::from(tail.rows() - count) * u64::from(self.matrix.stride);
        let to = tail.buffer().clone();
        let uploader = self.uploader.get_or_insert_with(|| uploader(&self.matrix, left));
        upload(uploader, &self.matrix, &to, at, rows)?;
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

impl Drop for Append {
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

fn uploader(matrix: &Matrix, rows: u64) -> Uploader {
    let stride = u64::from(matrix.stride);
    let total = rows.saturating_mul(stride);
    // Small appends take small staging buffers; a row may be larger than a block.
    Uploader::new(&matrix.gpu, BLOCK_BYTES.min(total).max(stride))
}

/// Copies the rows of a segment to the start of another buffer, on the device.
fn copy(matrix: &Matrix, from: &Segment, to: &Buffer) -> Result<()> {
    matrix.gpu.scoped(LABEL, || {
        let mut encoder = matrix.gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from.buffer().raw(), 0, to.raw(), 0, from.bytes());
        matrix.gpu.queue().submit([encoder.finish()]);
    })
}

/// Writes rows at a byte offset, each with its padding.
fn upload(
    uploader: &mut Uploader,
    matrix: &Matrix,
    to: &Buffer,
    at: u64,
    rows: Rows<'_>,
) -> Result<()> {
    let (row, stride) = (matrix.row_bytes(), matrix.stride as usize);
    let bytes = rows.bytes();
    let total = bytes.len() / row * stride;
    uploader.copy(to, at, total as u64, |mut staging| {
        if row == stride {
            staging.copy_from_slice(bytes);
            return;
        }
        for (i, source) in bytes.chunks_exact(row).enumerate() {
            let at = i * stride;
            staging.slice(at..at + row).copy_from_slice(source);
            staging.slice(at + row..at + stride).fill(0);
        }
    })
}

pub(super) fn replace(matrix: &Matrix, row: u64, rows: Rows<'_>) -> Result<Matrix> {
    let mut new = matrix.clone();
    let end = row + rows.count(matrix.dim)? as u64;
    let mut uploader = uploader(matrix, end - row);
    let block = (uploader.block_bytes() / u64::from(matrix.stride)).max(1);
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
            upload(&mut uploader, matrix, &buffer, (at - first) * u64::from(matrix.stride), part)?;
            at = next;
        }
        let (rows, capacity) = (segment.rows(), segment.capacity());
        *segment = Segment::new(buffer, first, rows, capacity, matrix.stride);
    }
    matrix.gpu.check_alive()?;
    Ok(new)
}

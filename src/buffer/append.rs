//! Rows behind the end of a matrix.

use super::bin::BIN;
use super::handle::Buffer;
use super::matrix::Matrix;
use super::pieces::Check;
use super::segment::Segment;
use super::transfer::{LABEL, copy, ring, upload};
use super::upload::{BLOCK_BYTES, Uploader};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::format::RowSource;

impl Matrix {
    /// A matrix of these rows.
    ///
    /// # Errors
    /// As [`Matrix::empty`] and [`Matrix::append`].
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows};
    /// let gpu = Gpu::new()?;
    /// let matrix = Matrix::from_rows(&gpu, 2, Rows::F32(&[1.0, 2.0, 3.0, 4.0]))?;
    /// assert_eq!(matrix.len(), 2);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_rows(gpu: &Gpu, dim: usize, rows: Rows<'_>) -> Result<Matrix> {
        Matrix::empty(gpu, rows.dtype(), dim)?.append(rows)
    }

    /// A matrix with these rows behind its own.
    ///
    /// Cost: uploads the new rows alone; the last segment is now and then copied on the device into a larger buffer.
    ///
    /// # Errors
    /// `DimensionMismatch`; `InvalidArgument` for rows of another type; `OutOfDeviceMemory`; `DeviceLost`.
    pub fn append(&self, rows: Rows<'_>) -> Result<Matrix> {
        self.check_type(rows.dtype())?;
        let count = rows.count(self.dim)?;
        let mut ring = None;
        let mut append = Append::new(self, Some(count as u64), &mut ring);
        append.push(rows, 0, &|_, _| Ok(()))?;
        append.finish()
    }

    /// A matrix with the rows of a stream behind its own; `check` sees each block and where in the stream it begins.
    ///
    /// Cost: as [`Matrix::append`]; host memory for a few blocks whatever the length.
    ///
    /// # Errors
    /// As [`Matrix::append`], and what the source and `check` return.
    pub fn append_from(
        &self,
        source: &mut dyn RowSource,
        check: &mut dyn FnMut(Rows<'_>, u64) -> Result<()>,
    ) -> Result<Matrix> {
        self.append_with(source, check, &|_, _| Ok(()), &mut None)
    }

    /// As [`Matrix::append_from`]; `each` sees every row as well, in pieces, on several threads and in any order, while
    /// they are copied. A `ring` that is kept serves the next call.
    pub(crate) fn append_with(
        &self,
        source: &mut dyn RowSource,
        check: &mut dyn FnMut(Rows<'_>, u64) -> Result<()>,
        each: &Check<'_>,
        ring: &mut Option<Uploader>,
    ) -> Result<Matrix> {
        self.check_type(source.dtype())?;
        if source.dim() != self.dim {
            return Err(Error::DimensionMismatch { expected: self.dim, actual: source.dim() });
        }
        let mut append = Append::new(self, source.remaining(), ring);
        let mut first_row = 0;
        while let Some(rows) = source.next_rows(append.block_rows())? {
            self.check_type(rows.dtype())?;
            let count = rows.count(self.dim)? as u64;
            if count == 0 {
                // Taken for a block, it would be asked for for ever.
                return Err(Error::argument("source", "a block without rows"));
            }
            check(rows, first_row)?;
            append.push(rows, first_row, each)?;
            first_row += count;
        }
        append.finish()
    }
}

/// A matrix that grows; dropped without [`Append::finish`], it leaves no trace.
pub(super) struct Append<'a> {
    matrix: Matrix,
    /// Rows that the source says are still to come.
    expected: u64,
    /// The staging ring: made with the first block, unless an earlier call left one.
    ring: &'a mut Option<Uploader>,
    /// The last segment of the old matrix and how many of its rows that matrix sees. New rows are written behind them, in the
    /// same buffer, and given back if the append fails.
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
    fn block_rows(&self) -> usize {
        let bytes = self.ring.as_ref().map_or(BLOCK_BYTES, Uploader::block_bytes);
        let rows = bytes / u64::from(self.matrix.stride);
        rows.clamp(1, u64::from(self.matrix.rows_per_segment)) as usize
    }

    /// Appends rows that pass the check, the first of them number `first_row` there.
    fn push(&mut self, rows: Rows<'_>, first_row: u64, check: &Check<'_>) -> Result<()> {
        let count = rows.count(self.matrix.dim)?;
        self.prepare(count as u64)?;
        let block = self.block_rows();
        let mut done = 0;
        while done < count {
            let n = (count - done).min(block).min(self.room() as usize);
            let part = rows.slice(self.matrix.dim, done..done + n);
            self.block(part, n as u32, (count - done) as u64, first_row + done as u64, check)?;
            done += n;
        }
        Ok(())
    }

    /// Refuses `count` rows that do not fit, before the first is copied; otherwise the bytes that `rows` rows still need.
    pub(super) fn check_room(&self, count: u64, rows: u64) -> Result<u64> {
        let free = self.matrix.segments.last().map_or(0, |s| s.capacity() - s.rows());
        let stride = u64::from(self.matrix.stride);
        let needed = |rows: u64| rows.saturating_sub(free.into()).saturating_mul(stride);
        let ledger = self.matrix.gpu.ledger();
        if needed(count) > ledger.available() {
            return Err(ledger.exhausted(LABEL, needed(count)));
        }
        Ok(needed(rows))
    }

    /// Makes the staging ring, sized for `count` rows or for as many as the source announced, from the memory that is left once
    /// the rows have their buffers. `count` rows that do not fit are refused here, before the first is copied; rows that are
    /// merely announced are not.
    fn prepare(&mut self, count: u64) -> Result<()> {
        let rows = count.max(self.expected);
        let needed = self.check_room(count, rows)?;
        if self.ring.is_none() {
            *self.ring = Some(ring(&self.matrix, rows, needed));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Matrix> {
        self.matrix.gpu.check_alive()?;
        self.finished = true;
        Ok(self.matrix.clone())
    }

    /// How many rows one block may have: those that the last segment can still take or, when it is full, a whole segment.
    pub(super) fn room(&self) -> u32 {
        let most = self.matrix.rows_per_segment;
        self.matrix.segments.last().map_or(most, |s| match most - s.rows().min(most) {
            0 => most,
            room => room,
        })
    }

    /// Appends `count` rows, which fit one staging buffer and one segment, the first of them number `number` in the source.
    /// `left` rows of this push are still to be appended, these included.
    fn block(
        &mut self,
        rows: Rows<'_>,
        count: u32,
        left: u64,
        number: u64,
        check: &Check<'_>,
    ) -> Result<()> {
        let (to, at) = self.claim(count, left)?;
        let Some(ring) = &mut *self.ring else {
            return Err(Error::internal("an append without a ring"));
        };
        upload(ring, &self.matrix, &to, at, rows, number, check)?;
        self.claimed(count);
        Ok(())
    }

    /// Takes room for `count` rows, which fit one segment, behind the last; says in which buffer it lies and where.
    pub(super) fn claim(&mut self, count: u32, left: u64) -> Result<(Buffer, u64)> {
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
        Ok((tail.buffer().clone(), at))
    }

    /// Counts `count` rows whose way into the claimed room is under way.
    pub(super) fn claimed(&mut self, count: u32) {
        self.matrix.len += u64::from(count);
        self.expected = self.expected.saturating_sub(u64::from(count));
    }

    /// A copy of the last segment in a larger buffer, with `count` more rows claimed.
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
        let least = in_bins(needed);
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
pub(super) fn capacity(most: u32, rows: u32, old: u32, count: u32, left: u64) -> u32 {
    let known = u64::from(rows) + left.max(u64::from(count));
    let grown = u64::from(old) + u64::from(old) / 2;
    let wanted = known.max(grown).min(u64::from(most)) as u32;
    in_bins(wanted).min(most)
}

/// Rows of the bins that so many rows are in.
fn in_bins(rows: u32) -> u32 {
    rows.next_multiple_of(BIN as u32)
}

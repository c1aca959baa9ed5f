//! One matrix behind another, on the device.

use super::append::Append;
use super::handle::Buffer;
use super::matrix::Matrix;
use super::segment::Segment;
use crate::error::{Error, Result};

impl Matrix {
    /// A matrix with the rows of another behind its own, copied on the device.
    ///
    /// Cost: reads and writes the rows of `more` once, and now and then the last segment; where this matrix has no rows and the
    /// same segments, nothing: the two share their memory.
    ///
    /// # Errors
    /// `InvalidArgument` for a matrix of another type or another [`Gpu`](crate::Gpu); `DimensionMismatch`; `OutOfDeviceMemory`;
    /// `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Matrix, Rows};
    /// let gpu = Gpu::new()?;
    /// let ones = Matrix::from_rows(&gpu, 2, Rows::F32(&[1.0; 4]))?;
    /// let both = ones.append_matrix(&Matrix::from_rows(&gpu, 2, Rows::F32(&[2.0, 3.0]))?)?;
    /// assert_eq!(both.to_f32()?, [1.0, 1.0, 1.0, 1.0, 2.0, 3.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn append_matrix(&self, more: &Matrix) -> Result<Matrix> {
        self.check_like(more)?;
        if self.is_empty() && self.rows_per_segment() == more.rows_per_segment() {
            return Ok(more.clone());
        }
        let mut ring = None;
        let mut append = Append::new(self, Some(more.row_count()), &mut ring);
        append.check_room(more.row_count(), more.row_count())?;
        for source in more.segments() {
            let mut done = 0;
            while done < source.rows() {
                let count = append.room().min(source.rows() - done);
                let (to, at) = append.claim(count, 0)?;
                self.copy_rows(source, done, count, &to, at)?;
                append.claimed(count);
                done += count;
            }
        }
        append.finish()
    }

    /// Refuses a matrix whose rows cannot be among these.
    pub(crate) fn check_like(&self, other: &Matrix) -> Result<()> {
        self.check_type(other.dtype())?;
        if other.dim() != self.dim() {
            return Err(Error::DimensionMismatch { expected: self.dim(), actual: other.dim() });
        }
        if !self.gpu().is(other.gpu()) {
            let reason = "lies in the memory of another Gpu; its source() brings it over the host";
            return Err(Error::argument("matrix", reason));
        }
        Ok(())
    }

    fn copy_rows(
        &self,
        from: &Segment,
        first: u32,
        count: u32,
        to: &Buffer,
        at: u64,
    ) -> Result<()> {
        let stride = u64::from(self.stride_bytes());
        let (start, bytes) = (u64::from(first) * stride, u64::from(count) * stride);
        // a buffer cannot be copied to itself, as it would where a matrix comes behind itself
        let own = from.buffer().raw() == to.raw();
        let between = if own { Some(self.gpu().scratch("rows", bytes)?) } else { None };
        self.gpu().scoped("join", || {
            let mut encoder = self.gpu().device().create_command_encoder(&Default::default());
            let mut copy = |from: &Buffer, start, to: &Buffer, at| {
                encoder.copy_buffer_to_buffer(from.raw(), start, to.raw(), at, bytes);
            };
            match &between {
                Some(between) => {
                    copy(from.buffer(), start, between, 0);
                    copy(between, 0, to, at);
                }
                None => copy(from.buffer(), start, to, at),
            }
            self.gpu().queue().submit([encoder.finish()]);
        })
    }
}

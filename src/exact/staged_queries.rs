//! Queries that are written to staging memory while they are checked, so that they are read once before they go to the device.
//!
//! Of 10,000 queries of 768 elements each pass over them is 30 MB, and while the host is at it the device waits.

use crate::buffer::{Buffer, PART_ALIGN, Staging, StagingPart};
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::Encoder;
use std::ops::Range;

/// Some queries in staging memory, with room for their norms behind them.
pub(super) struct StagedQueries {
    staging: Staging,
    range: Range<usize>,
    /// Bytes of a query.
    stride: u64,
}

impl StagedQueries {
    /// Room for the queries of these numbers, of so many bytes each, a multiple of 16; `None` where one buffer does not hold them.
    pub fn new(gpu: &Gpu, range: Range<usize>, stride: u64) -> Result<Option<StagedQueries>> {
        let (_, bytes) = places(range.len() as u64, stride);
        if bytes > gpu.caps().max_buffer_bytes {
            return Ok(None);
        }
        Ok(Some(StagedQueries { staging: gpu.staging(bytes)?, range, stride }))
    }

    /// Whether these are the queries of these numbers.
    pub fn is_of(&self, which: &[u32]) -> bool {
        which.len() == self.range.len()
            && self.range.clone().zip(which).all(|(own, &query)| own == query as usize)
    }

    /// Where some of them are to be written.
    pub fn part(&self, queries: Range<usize>) -> Result<StagingPart> {
        let at = |query: usize| (query - self.range.start) as u64 * self.stride;
        self.staging.part(at(queries.start)..at(queries.end))
    }

    /// Brings them to the device with their norms, of all queries of the call: the queries, and their norms with zeros behind them.
    pub fn upload(self, norms: &[f32], encoder: &mut Encoder) -> Result<(Buffer, Buffer)> {
        let n = self.range.len() as u64;
        let (norms_at, bytes) = places(n, self.stride);
        if n > 0 {
            let mut all = norms[self.range].to_vec();
            all.resize(2 * n as usize, 0.0);
            self.staging.part(norms_at..bytes)?.write(0, bytemuck::cast_slice(&all));
        }
        let staged = self.staging.written(encoder.gpu())?;
        let both = encoder.upload_staged("queries", staged, bytes)?;
        Ok((both.part(0, n * self.stride), both.part(norms_at, n * 8)))
    }
}

/// Where the norms begin behind so many queries, and where they end.
fn places(n: u64, stride: u64) -> (u64, u64) {
    let norms_at = (n * stride).next_multiple_of(PART_ALIGN);
    (norms_at, norms_at + n * 8)
}

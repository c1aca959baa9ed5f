//! The filter of a call on the device: one for all queries becomes biases, one for each query a bitmap.

use crate::buffer::Buffer;
use crate::call::{Filter, mask_words};
use crate::error::{Error, Result};
use crate::exact::rows::measured::Measured;
use crate::kernel::Encoder;

/// A filter on the device.
pub(crate) struct DeviceFilter {
    /// Made by [`DeviceFilter::prepare`].
    pub biases: Option<Vec<Buffer>>,
    shared: Option<Vec<u32>>,
    per_query: Vec<u32>,
    words: usize,
}

impl DeviceFilter {
    pub fn new(rows: &Measured, filter: Filter, queries: usize) -> Result<DeviceFilter> {
        let words = mask_words(rows.len());
        let (shared, per_query) = match filter {
            Filter::All => (None, Vec::new()),
            Filter::Shared(_) if rows.len() == 0 => (None, Vec::new()),
            Filter::Shared(live) => (Some(live), Vec::new()),
            Filter::PerQuery(bits) if bits.len() == words * queries => (None, bits),
            Filter::PerQuery(bits) => {
                let got = bits.len();
                let why = format!("{got} words, not {words} for each of {queries} queries");
                return Err(Error::argument("filter", why));
            }
        };
        Ok(DeviceFilter { biases: None, shared, per_query, words })
    }

    /// Brings the filter of all queries to the device, if that is not done: by whoever brings the first queries there.
    pub fn prepare(&mut self, rows: &Measured) -> Result<()> {
        if let Some(live) = self.shared.take() {
            self.biases = Some(rows.masked_biases(&live)?);
        }
        Ok(())
    }

    /// Device memory that [`DeviceFilter::prepare`] is still to take.
    pub fn bytes(&self, rows: &Measured) -> u64 {
        let mask = self.shared.as_ref().map(|live| live.len() as u64 * 4);
        let biases = || rows.segments().map(|(_, part)| part.bias.size()).sum::<u64>();
        // the mask lies in staging, too
        mask.map_or(0, |mask| 2 * mask + biases())
    }

    /// Bytes of the bitmap of one query.
    pub fn bitmap_bytes(&self) -> u64 {
        if self.per_query.is_empty() { 0 } else { self.words as u64 * 4 }
    }

    /// The bitmaps of some queries.
    pub fn bitmap(&self, which: &[u32], encoder: &mut Encoder) -> Result<Option<Buffer>> {
        if self.per_query.is_empty() {
            return Ok(None);
        }
        if let Some(&first) = which.first()
            && which.iter().enumerate().all(|(i, &q)| q as usize == first as usize + i)
        {
            let bits = &self.per_query[first as usize * self.words..][..which.len() * self.words];
            return encoder.upload("query filters", bytemuck::cast_slice(bits)).map(Some);
        }
        let mut bits = Vec::with_capacity(which.len() * self.words);
        for &q in which {
            bits.extend_from_slice(&self.per_query[q as usize * self.words..][..self.words]);
        }
        encoder.upload("query filters", bytemuck::cast_slice(&bits)).map(Some)
    }
}

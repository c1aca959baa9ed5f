//! All exact distances of some queries, a block of rows after the other.

use super::within::{KeyRows, Keys};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::distance::{self, Out};
use crate::exact::filter::{Bitmap, DeviceFilter};
use crate::exact::queries::Queries;
use crate::exact::upload::Upload;
use crate::kernel::Encoder;

/// Queries on the device, and the block of rows that comes next for them.
pub(super) struct Blocks {
    pub ids: Vec<u32>,
    upload: Upload,
    bitmap: Option<Bitmap>,
    keys: Buffer,
    /// Of a block.
    most_rows: u32,
    next_row: u64,
}

impl Blocks {
    /// Encodes what is needed of the queries.
    pub fn new(
        dataset: &Dataset,
        queries: &Queries,
        ids: Vec<u32>,
        filter: &DeviceFilter,
        most_rows: u32,
        encoder: &mut Encoder,
    ) -> Result<Blocks> {
        let upload = queries.upload(dataset, &ids, false, encoder)?;
        let bitmap = filter.bitmap(&ids, encoder)?;
        let bytes = ids.len() as u64 * u64::from(most_rows) * 4;
        let keys = dataset.gpu().scratch("distances", bytes)?;
        Ok(Blocks { ids, upload, bitmap, keys, most_rows, next_row: 0 })
    }

    pub fn is_done(&self, dataset: &Dataset) -> bool {
        self.next_row >= dataset.len()
    }

    /// Encodes the distances of the next block, and says how many rows it has.
    pub fn next(
        &mut self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        queries: &Queries,
    ) -> Result<(Keys, u32)> {
        let (first, stride) = (self.next_row, self.most_rows);
        let block = distance::block(dataset, biases, first, stride);
        let block = block.ok_or_else(|| Error::internal("a range search beyond the last row"))?;
        let (target, bitmap) = (Out::Keys(&self.keys, stride), self.bitmap.as_ref());
        let (pair, upload) = (&queries.pair, &self.upload);
        distance::distances(encoder, dataset, pair, upload, bitmap, &block, target)?;
        self.next_row += u64::from(block.rows);
        let rows = KeyRows::Block { stride, count: block.rows, first: first as u32 };
        Ok((Keys { keys: self.keys.clone(), rows }, block.rows))
    }
}

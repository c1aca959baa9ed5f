//! The binned scan of metrics whose distances are computed once and for all: the best key of each bin, the k best bins,
//! their keys.
//!
//! The k bins with the smallest (best key, number) hold the k rows with the smallest (key, row): were such a row in
//! another bin, each of the k bins would have a row before it. So neither a bound nor a second try is needed, whatever
//! the metric, as long as both passes give a row the same key; the same pipeline makes them, but for many queries of a user's
//! metric: there a tile makes those of the first pass, and whether it agrees with the second is checked (`key_tile.rs`).

use crate::buffer::{BIN, Buffer};
use crate::error::Result;
use crate::exact::dataset::Dataset;
use crate::exact::distance::{self, Out};
use crate::exact::filter::Bitmap;
use crate::exact::key_tile::{self, KeyTile};
use crate::exact::operand::ScanRows;
use crate::exact::plan::Plan;
use crate::exact::positions::Positions;
use crate::exact::queries::Queries;
use crate::exact::upload::Upload;
use crate::kernel::Encoder;
use crate::ops::select_k::{RowKeys, Selected, Selection};
use crate::space::Pair;

/// Bins that hold the nearest rows of each query.
pub(crate) struct ChosenBins<'a> {
    /// `most` for each query, all ones behind the last.
    pub bins: &'a Buffer,
    pub counts: &'a Buffer,
    pub most: u32,
    /// Where bins are of positions.
    pub positions: Option<&'a Positions>,
}

impl ChosenBins<'_> {
    /// Encodes the exact distances of their rows, `BIN` for each bin.
    pub fn keys(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        pair: &Pair,
        (upload, bitmap): (&Upload, Option<&Bitmap>),
    ) -> Result<Buffer> {
        let ChosenBins { bins, most, .. } = *self;
        let bytes = u64::from(upload.count) * u64::from(most) * 4 * BIN;
        let keys = dataset.gpu().scratch("candidate keys", bytes)?;
        let scanned = ScanRows { positions: self.positions, ..dataset.scan_rows() };
        for block in distance::spans(scanned, biases) {
            let target = Out::Chosen(&keys, bins, most);
            distance::distances(encoder, dataset, pair, upload, bitmap, &block, target)?;
        }
        Ok(keys)
    }

    /// Encodes the exact distances of their rows, and the selection of the nearest.
    pub fn nearest(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        pair: &Pair,
        asked: (&Upload, Option<&Bitmap>),
        hits: Selection,
    ) -> Result<Selected> {
        let keys = self.keys(encoder, dataset, biases, pair, asked)?;
        self.select(encoder, &keys, hits)
    }

    fn select(&self, encoder: &mut Encoder, keys: &Buffer, hits: Selection) -> Result<Selected> {
        let ChosenBins { bins, counts, most, positions } = *self;
        let order = positions.map(Positions::order);
        hits.of_bins(encoder, [keys, bins, counts], (most, BIN as u32), order)
    }
}

/// A batch of queries on its way through the rows.
pub(crate) struct ExactBins {
    pub upload: Upload,
    bitmap: Option<Bitmap>,
    pub bin_best: Buffer,
    next_row: u64,
    /// What makes the keys of the first pass, if not that of the second.
    tile: Option<KeyTile>,
}

/// The answer, and where a tile made the keys of the first pass whether it agrees with the second: k for each query, or all ones.
pub(crate) struct Nearest {
    pub hits: Selected,
    pub agreement: Option<Buffer>,
}

impl ExactBins {
    pub fn new(
        dataset: &Dataset,
        upload: Upload,
        bitmap: Option<Bitmap>,
        tile: Option<KeyTile>,
    ) -> Result<ExactBins> {
        let bytes = u64::from(upload.count) * dataset.compared().bins() * 4;
        let bin_best = dataset.gpu().scratch("bin best", bytes)?;
        Ok(ExactBins { upload, bitmap, bin_best, next_row: 0, tile })
    }

    /// Encodes the first pass for at most `plan.pairs` pairs, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        queries: &Queries,
        plan: &Plan,
    ) -> Result<bool> {
        let mut left = plan.pairs / u64::from(self.upload.count);
        let most = self.tile.as_ref().map_or(plan.bin_rows, |tile| tile.whole(plan.bin_rows));
        let (out, bitmap) = (&self.bin_best, self.bitmap.as_ref());
        while let Some(block) = distance::block(dataset, biases, self.next_row, most) {
            match &self.tile {
                Some(tile) => {
                    tile.encode(encoder, dataset, &self.upload, bitmap, &block, out)?;
                }
                None => {
                    let target = Out::BinBest(out, dataset.compared().bins() as u32);
                    let (pair, upload) = (&queries.pair, &self.upload);
                    distance::distances(encoder, dataset, pair, upload, bitmap, &block, target)?;
                }
            }
            self.next_row += u64::from(block.rows);
            left = left.saturating_sub(u64::from(block.rows));
            if left == 0 {
                break;
            }
        }
        Ok(self.next_row >= dataset.len())
    }

    /// Encodes the choice of bins, their keys and the final selection.
    pub fn select(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        queries: &Queries,
        plan: &Plan,
        k: u32,
    ) -> Result<Nearest> {
        let (gpu, nq) = (dataset.gpu(), self.upload.count);
        let counts = encoder.upload("bin counts", bytemuck::cast_slice(&vec![k; nq as usize]))?;
        let bins = dataset.compared().bins() as u32;
        let from = RowKeys { keys: &self.bin_best, stride: bins, rows: bins, first_row: 0 };
        let threads = plan.scan.select_threads;
        let best = Selection { nq, k, threads, sorted: false };
        let chosen = best.room(gpu)?;
        best.of_rows(encoder, from, None, &chosen)?;

        let (bins, positions) = (&chosen.rows, None);
        let bins = ChosenBins { bins, counts: &counts, most: k, positions };
        let asked = (&self.upload, self.bitmap.as_ref());
        let keys = bins.keys(encoder, dataset, biases, &queries.pair, asked)?;
        let agreement = match self.tile {
            Some(_) => Some(key_tile::agreement(encoder, [&keys, &chosen.keys], (nq, k))?),
            None => None,
        };
        let hits = bins.select(encoder, &keys, Selection { nq, k, threads, sorted: true })?;
        Ok(Nearest { hits, agreement })
    }
}

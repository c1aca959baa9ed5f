//! The stages of the scan for a radius.

use super::within::{KeyRows, Keys};
use crate::buffer::Buffer;
use crate::error::Result;
use crate::exact::dataset::Dataset;
use crate::exact::exact_bins::ChosenBins;
use crate::exact::filter::{Bitmap, DeviceFilter};
use crate::exact::queries::Queries;
use crate::exact::scan::method::folding;
use crate::exact::scan::score::Scan;
use crate::exact::scan::settings::ScanSettings;
use crate::exact::scan::threshold::Score;
use crate::kernel::Encoder;
use crate::space::Pair;

/// What a radius says of scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    pub score: Score,
    /// The exact distance of what is barely within it, as the device has distances.
    pub last: f64,
}

/// Queries on their way through the rows.
pub(super) struct Scanned {
    pub ids: Vec<u32>,
    scan: Scan,
    /// T of each.
    least: Buffer,
}

impl Scanned {
    /// Encodes what stage A needs of the queries.
    pub fn new(
        dataset: &Dataset,
        queries: &Queries,
        ids: Vec<u32>,
        filter: &DeviceFilter,
        (settings, least): (ScanSettings, Least),
        encoder: &mut Encoder,
    ) -> Result<Scanned> {
        let upload = queries.upload(dataset, &ids, settings.int8, encoder)?;
        let bitmap = filter.bitmap(&ids, encoder)?;
        let rows = dataset.scan_rows();
        let coding = folding(rows, ids.len() as u32, &settings);
        let of = |&q: &u32| {
            let query = queries.row(q);
            let left_out = coding.map_or((0.0, 0.0), |coding| coding.left_out(query));
            least.score.least(query, least.last, left_out)
        };
        let least: Vec<f32> = ids.iter().map(of).collect();
        let least = encoder.upload("least scores", bytemuck::cast_slice(&least))?;
        let scan = Scan::new(rows, queries.facts, upload, bitmap, settings, encoder)?;
        Ok(Scanned { ids, scan, least })
    }

    /// Bins that may be chosen for a query.
    pub fn room(&self) -> u32 {
        self.scan.method.settings.max_candidates
    }

    pub fn sums_exact(&self) -> bool {
        self.scan.method.sums_exact()
    }

    /// Bytes of rows that are read, if each is read once.
    pub fn bytes(&self, dataset: &Dataset) -> Result<u64> {
        self.scan.bytes(dataset.scan_rows())
    }

    /// Encodes stage A for at most `pairs` pairs of query and row, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        pairs: u64,
    ) -> Result<bool> {
        self.scan.score(encoder, dataset.scan_rows(), biases, pairs)
    }

    /// Encodes stages B and C: the keys of the rows of the chosen bins, and how many these are: of each query those that are taken, then
    /// of each all.
    pub fn keys(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        biases: Option<&[Buffer]>,
        pair: &Pair,
    ) -> Result<(Keys, Buffer)> {
        let (rows, room) = (dataset.scan_rows(), self.room());
        let chosen = self.scan.choose_within(encoder, rows, &self.least)?;
        let keys = if self.scan.method.is_direct() {
            let (bins, counts) = (&chosen.bins, &chosen.counts);
            let bins = ChosenBins { bins, counts, most: room, positions: None };
            let scores = &self.scan.scores;
            let bits = scores.bitmap.as_ref();
            let bitmap = bits.map(|bits| Bitmap { bits: bits.clone(), words: scores.words });
            bins.keys(encoder, dataset, biases, pair, (&scores.upload, bitmap.as_ref()))?
        } else {
            self.scan.rescore(encoder, rows, biases, pair, &chosen)?
        };
        let counts = chosen.counts;
        let rows = KeyRows::Bins { chosen: chosen.bins, counts: counts.clone(), room, order: None };
        Ok((Keys { keys, rows }, counts))
    }
}

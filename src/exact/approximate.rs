//! The nearest row of each of very many queries that lie on the device, by scores alone: rows may be taken that are nearly as near, and
//! nothing comes to the host.
//!
//! Stage A keeps the best score of each bin of few rows; one kernel then compares the rows of a query's best bin exactly
//! (`shaders/exact/nearest_of_bins.wgsl`). What a search does besides, so as to miss nothing, costs more than both.

use super::dataset::Dataset;
use super::filter::DeviceFilter;
use super::per_query::PerQuery;
use super::plan::{Asked, Plan, scratch};
use super::queries::Queries;
use super::resident::Resident;
use super::scan::score::Scan;
use super::scan::settings::ScanSettings;
use super::{kernels, params};
use crate::buffer::{BIN, Buffer};
use crate::call::{Filter, Options};
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold};
use crate::space::check::RowFacts;
use crate::space::{Family, Pair};
use std::ops::Range;

/// Rows to a bin where matrix units score them.
const MATRIX_BIN: u32 = 16;
/// Queries that a workgroup of the second kernel has.
const GROUP_QUERIES: u64 = 8;
/// Queries of a submission are a multiple of so many, whatever the tile.
const WHOLE: u64 = 256;

/// How rows are compared with the queries of a dataset.
pub(crate) struct Approximate {
    queries: Resident,
    facts: RowFacts,
    settings: ScanSettings,
    family: Family,
    scaled: bool,
    /// The most queries of a submission.
    most: u64,
}

/// Where answers go: a row and a distance for each query, those of the first at this place.
#[derive(Clone, Copy)]
pub(crate) struct Answers<'a> {
    pub labels: &'a Buffer,
    pub distances: &'a Buffer,
    pub first: u32,
}

impl Approximate {
    /// Of the f32 rows of `dataset` for those of another of the same metric as queries, or none where scores are no products, or the
    /// rows do not lie in one buffer as they are compared.
    pub fn new(dataset: &Dataset, of: &Dataset) -> Result<Option<Approximate>> {
        let (gpu, rows) = (dataset.gpu(), dataset.compared());
        if dataset.transforms() || rows.matrix().segments().len() != 1 {
            return Ok(None);
        }
        let queries = Queries::resident(dataset, of, 0..of.len())?;
        let none = DeviceFilter::new(rows, Filter::default(), queries.count)?;
        let options = Options { fast: true, ..Options::default() };
        let plan = Plan::new(gpu, dataset, &queries, &none, Asked::Nearest(1), &options)?;
        let &Pair::Tree { family, scaled } = &queries.pair else { return Ok(None) };
        if !plan.scores_products(dataset, &queries) {
            return Ok(None);
        }
        let settings = ScanSettings {
            direct: None,
            bits: None,
            matrix_bin: MATRIX_BIN,
            row_bin: BIN as u32,
            int8: false,
            // the last submission goes the way of the others
            max_row_queries: 0,
            max_table_queries: 0,
            certify: false,
            ..plan.scan
        };
        let bin = if settings.matrix.is_some() { MATRIX_BIN.into() } else { BIN };
        let of_query = PerQuery::uploads(&queries, &none).rounded(&queries);
        let of_query = of_query.buffer("best scores", dataset.len().div_ceil(bin) * 4);
        of_query.check(gpu, 0, 1)?;
        let by_memory = of_query.fit(scratch(dataset, 0), gpu.caps().max_binding_bytes);
        let by_time = (plan.pairs / dataset.len().max(1)).max(WHOLE);
        let by_tiles = u64::from(gpu.caps().max_dispatch) * 16;
        let most = by_memory.min(by_time).min(by_tiles) / WHOLE * WHOLE;
        if most == 0 {
            return Ok(None);
        }
        let (queries, facts) = (Resident::new(of, 0..of.len())?, queries.facts);
        Ok(Some(Approximate { queries, facts, settings, family, scaled, most }))
    }

    /// Queries of each submission but the last, of `count`: about as many in all.
    pub fn step(&self, count: u64) -> u64 {
        count.div_ceil(count.div_ceil(self.most).max(1)).next_multiple_of(WHOLE).min(self.most)
    }

    /// Encodes the nearest row of some queries, which lie in one segment, from a multiple of 64 on.
    pub fn encode(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        queries: Range<u64>,
        answers: Answers<'_>,
    ) -> Result<()> {
        encoder.stage("queries");
        let upload = self.queries.span(queries, encoder)?;
        let rows = dataset.scan_rows();
        let mut scan = Scan::new(rows, self.facts, upload, None, self.settings, encoder)?;
        while !scan.score(encoder, rows, None, u64::MAX)? {}
        encoder.stage("nearest");
        let (scores, gpu) = (&scan.scores, dataset.gpu());
        let (segment, part) = dataset
            .compared()
            .segments()
            .next()
            .ok_or_else(|| Error::internal("no rows to be near to"))?;
        let groups = fold(gpu, u64::from(scores.upload.count).div_ceil(GROUP_QUERIES))?;
        let matrix = dataset.compared().matrix();
        let params = params::NearestOfBins {
            nq: scores.upload.count,
            n: segment.rows(),
            k4: matrix.dim().div_ceil(4) as u32,
            stride4: matrix.dtype().stride4(segment.stride_bytes()),
            q_stride4: scores.upload.exact_stride4,
            bins: segment.rows().div_ceil(scores.bin),
            bin_stride: scores.bin_stride,
            first: answers.first,
            groups_x: groups[0],
        };
        let mut buffers = vec![
            ("rows", segment.buffer()),
            ("queries", &scores.upload.exact),
            ("bin_best", &scores.bin_best),
            ("labels", answers.labels),
            ("distances", answers.distances),
        ];
        buffers.extend(part.scale.as_ref().filter(|_| self.scaled).map(|s| ("scale", s)));
        let variant = kernels::nearest_of_bins(self.family, self.scaled, scores.bin);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
    }
}

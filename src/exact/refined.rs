//! Rows that another search found, compared exactly without leaving the device: what `listed.rs` does with lists from the host, as the stage behind
//! the search that finds them.

use super::dataset::Dataset;
use super::listed::{count, keys, most_pairs, per_query, select_threads};
use super::plan::scratch;
use super::queries::Queries;
use super::scan::rescore::Chosen;
use super::upload::Upload;
use super::{kernels, params};
use crate::buffer::Buffer;
use crate::call::{Candidates, Left, NextStage, Options, RowIds, SearchStats};
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use crate::ops::kernels::MAX_SORT;
use crate::ops::select_k::{Selected, Selection};
use crate::space::{Decoder, Pair};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The part of a submission's scratch memory that this stage may take beside the first.
const SHARE: u64 = 4;
/// The row of what has none.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// Which row of the second stage a row of the first is.
#[derive(Clone)]
pub(crate) enum RowOf {
    /// That of its number, of so many.
    Same(u64),
    /// The one that stands at its number.
    Table(Buffer),
}

/// What makes the rows that are compared of those that the first stage found.
pub(crate) trait Between: Send + Sync {
    /// Encodes which rows of the dataset these are, of queries that have `room` for rows that were found.
    fn encode(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        upload: &Upload,
        found: (Chosen, u32),
    ) -> Result<Instead>;

    /// Adds what was done for a query, by what it [`told`](Instead::told).
    fn count(&self, told: u32, stats: &mut SearchStats);
}

/// The rows that are compared in the place of those that were found.
pub(crate) struct Instead {
    pub chosen: Chosen,
    /// Places for rows of each query.
    pub room: u32,
    /// A number for each query.
    pub told: Buffer,
}

/// What compares the candidates of a call.
pub(crate) struct Refined {
    dataset: Dataset,
    queries: Queries,
    /// Whether the queries of the first stage are these, as they are compared.
    shared: bool,
    row_of: RowOf,
    /// A row that each query may not find, of which the first stage is asked for one more.
    excluded: Option<Vec<u32>>,
    between: Option<Arc<dyn Between>>,
    candidates: usize,
    k: usize,
    row_ids: RowIds,
    most_queries: usize,
    select_threads: u32,
    begun: AtomicBool,
}

impl RowOf {
    /// A table of rows, [`NO_ROW`] of those that have none; `None` where one binding does not hold it.
    pub fn table(gpu: &Gpu, rows: &[u32]) -> Result<Option<RowOf>> {
        if rows.len() as u64 * 4 > gpu.caps().max_binding_bytes {
            return Ok(None);
        }
        let mut encoder = Encoder::new(gpu, "rows of candidates", false)?;
        let table = encoder.upload("rows of candidates", bytemuck::cast_slice(rows))?;
        encoder.submit(&[])?.wait()?;
        Ok(Some(RowOf::Table(table)))
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        match self {
            RowOf::Same(_) => 0,
            RowOf::Table(table) => table.size(),
        }
    }

    fn rows(&self) -> u32 {
        match self {
            RowOf::Same(rows) => *rows as u32,
            RowOf::Table(table) => (table.size() / 4) as u32,
        }
    }
}

impl Refined {
    /// The `k` nearest of `candidates` rows of each query; `shared` where the first stage has the same queries. `None` where there is no room for
    /// them beside that stage.
    pub fn new(
        dataset: &Dataset,
        (queries, shared): (Queries, bool),
        row_of: RowOf,
        (candidates, k): (usize, usize),
        row_ids: RowIds,
    ) -> Result<Option<Refined>> {
        let (gpu, k) = (dataset.gpu(), k.min(dataset.len() as usize));
        let room = candidates.min(dataset.len() as usize);
        let behind = dataset.compared().behind_queries();
        let binding = gpu.caps().max_binding_bytes.saturating_sub(behind);
        // with one more that is left out
        let one = per_query(dataset, &queries, room as u64 + 1, k as u64)?;
        let by_memory = one.fit(scratch(dataset, behind) / SHARE, binding);
        let by_time = most_pairs(dataset)? / (room as u64).max(1);
        let most = by_memory.min(by_time.max(1)).min(gpu.caps().max_dispatch.into());
        if most == 0 || k == 0 {
            return Ok(None);
        }
        Ok(Some(Refined {
            dataset: dataset.clone(),
            queries,
            shared,
            row_of,
            excluded: None,
            between: None,
            candidates,
            k,
            row_ids,
            most_queries: most as usize,
            select_threads: select_threads(gpu)?,
            begun: AtomicBool::new(false),
        }))
    }

    /// With a row for each query that it may not find, [`NO_ROW`] for none.
    pub fn excluding(self, rows: Option<Vec<u32>>) -> Refined {
        Refined { excluded: rows, ..self }
    }

    /// With what makes the rows that are compared, so many at most, of those that are found.
    pub fn through(self, between: Arc<dyn Between>) -> Refined {
        Refined { between: Some(between), ..self }
    }

    /// Whether the search that it was given to goes on with it.
    pub fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// The queries as the rows' kernels read them.
    fn upload(&self, encoder: &mut Encoder, found: &Candidates<'_>) -> Result<Upload> {
        if !self.shared {
            return self.queries.upload(&self.dataset, found.query_ids, false, encoder);
        }
        let (queries, stride4) = found.queries;
        Ok(Upload {
            count: found.query_ids.len() as u32,
            floats: (!matches!(self.queries.pair, Pair::Integer { .. })).then(|| queries.clone()),
            float_stride4: stride4,
            exact: queries.clone(),
            exact_stride4: stride4,
            norms: None,
            int8: None,
            ranges: None,
        })
    }

    /// Encodes which rows are compared, with room for so many of each query.
    fn chosen(&self, encoder: &mut Encoder, found: &Candidates<'_>, room: u32) -> Result<Chosen> {
        let gpu = encoder.gpu().clone();
        let excluded = match &self.excluded {
            None => None,
            Some(rows) => {
                let own: Vec<u32> = found.query_ids.iter().map(|&q| rows[q as usize]).collect();
                Some(encoder.upload("excluded rows", bytemuck::cast_slice(&own))?)
            }
        };
        let nq = found.query_ids.len() as u32;
        let bins = gpu.scratch("candidates", u64::from(nq) * u64::from(room) * 4)?;
        let counts = gpu.scratch("candidate counts", u64::from(nq) * 4)?;
        let mut buffers = vec![
            ("found_keys", found.keys),
            ("found", found.rows),
            ("chosen", &bins),
            ("counts", &counts),
        ];
        buffers.extend(excluded.as_ref().map(|rows| ("excluded", rows)));
        let table = match &self.row_of {
            RowOf::Same(_) => None,
            RowOf::Table(table) => Some(("row_of", table)),
        };
        buffers.extend(table);
        let params = params::Candidates { k: found.k, room, rows: self.row_of.rows() };
        let variant = kernels::candidates(excluded.is_some(), table.is_some());
        encoder.stage("candidates");
        encoder.dispatch(&variant, &buffers, &params, [nq, 1, 1])?;
        Ok(Chosen { bins, counts })
    }
}

impl NextStage for Refined {
    fn begin(&self, gpu: &Gpu, k: usize) -> bool {
        // of candidates in no order nobody knows which is the last
        let ordered = self.excluded.is_none() || k <= MAX_SORT as usize;
        let begins = k > 0 && ordered && gpu.is(self.dataset.gpu());
        self.begun.store(begins, Ordering::Relaxed);
        begins
    }

    fn k(&self) -> usize {
        self.k
    }

    fn decoder(&self) -> Arc<Decoder> {
        Arc::clone(&self.queries.decoder)
    }

    fn row_ids(&self) -> RowIds {
        self.row_ids.clone()
    }

    fn most_queries(&self) -> usize {
        self.most_queries
    }

    fn encode(&self, encoder: &mut Encoder, found: Candidates<'_>) -> Result<Left> {
        let (dataset, pair) = (&self.dataset, &self.queries.pair);
        let candidates = u32::try_from(self.candidates).unwrap_or(u32::MAX);
        let room = if self.between.is_some() { found.k } else { found.k.min(candidates) };
        let upload = self.upload(encoder, &found)?;
        let chosen = self.chosen(encoder, &found, room)?;
        let counts = chosen.counts.clone();
        let Instead { chosen, room, told } = match &self.between {
            Some(between) => between.encode(encoder, dataset, &upload, (chosen, room))?,
            None => Instead { chosen, room, told: counts },
        };
        let keys = keys(encoder, dataset, pair, &upload, &chosen, room)?;
        let (nq, threads) = (upload.count, self.select_threads);
        let hits = Selection { nq, k: self.k as u32, threads, sorted: true };
        let Chosen { bins, counts } = chosen;
        let Selected { keys, rows } =
            hits.of_bins(encoder, [&keys, &bins, &counts], (room, 1), None)?;
        Ok(Left { keys, rows, counts: told })
    }

    fn count(&self, counts: &[u32], wanted: &[bool], stats: &mut SearchStats) -> Result<()> {
        let mut pairs = 0;
        for (&own, _) in counts.iter().zip(wanted).filter(|(_, wanted)| **wanted) {
            if let Some(between) = &self.between {
                between.count(own, stats);
                continue;
            }
            if own == NO_ROW {
                return Err(Error::internal("a candidate without a row"));
            }
            pairs += u64::from(own);
            stats.refine.on_device += 1;
        }
        count(stats, &self.dataset, pairs);
        Ok(())
    }
}

/// Encodes what goes on from the nearest `k` rows of some queries, if something does: what is then left of them, and its counts.
pub(crate) fn go_on(
    encoder: &mut Encoder,
    options: &Options,
    (query_ids, upload): (&[u32], &Upload),
    hits: Selected,
    k: u32,
) -> Result<(Selected, Option<Buffer>)> {
    let Some(next) = &options.next else { return Ok((hits, None)) };
    let (keys, rows) = (&hits.keys, &hits.rows);
    let queries = (&upload.exact, upload.exact_stride4);
    let Left { keys, rows, counts } =
        next.encode(encoder, Candidates { query_ids, keys, rows, k, queries })?;
    Ok((Selected { keys, rows }, Some(counts)))
}

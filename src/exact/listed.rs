//! Rows that somebody else found, compared exactly: of each query a list of rows, of which the nearest, those within a radius or all, as they
//! stand, are its hits.
//!
//! A distance is that of every exact search, to the bit: products by stage C of the scan, for which each row is a bin of its own, all others by
//! the kernel that has the distances of every metric (`shaders/exact/distance.wgsl`). Where they are on the device already, `refined.rs` does the same
//! with them there.

use super::dataset::Dataset;
use super::distance::{self, Out};
use super::filter::DeviceFilter;
use super::hits::{NO_KEY, SearchHits};
use super::per_query::PerQuery;
use super::plan::scratch;
use super::queries::Queries;
use super::range::RangePairs;
use super::scan::rescore::{self, Chosen};
use super::upload::Upload;
use crate::buffer::Buffer;
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, Flight, Landed, words};
use crate::ops::select_k::Selection;
use crate::space::Pair;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// A row that is read for one query alone takes about as long as so many of which each is read for a tile of queries.
const ALONE: u64 = 16;

/// The rows that each query is compared with: those of query i in `lims[i]..lims[i + 1]`, in any order.
pub(crate) struct Listed {
    pub lims: Vec<usize>,
    pub rows: Vec<u32>,
}

/// Which of them are hits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// So many nearest, not 0.
    Nearest(usize),
    /// All within a radius.
    Within(f32),
}

/// Where the hits go.
enum Found {
    Nearest(SearchHits),
    /// With the radius, and a key that none of a hit reaches.
    Within(RangePairs, f32, u32),
    /// The distance of each listed row, by default that of no hit.
    Every(Vec<f32>),
}

/// Queries of one submission, and the most rows that one of them has.
type Batch = (Range<usize>, u32);

struct Comparison {
    dataset: Dataset,
    queries: Queries,
    listed: Listed,
    k: u32,
    found: Found,
    todo: VecDeque<Batch>,
    select_threads: u32,
    options: Options,
    stats: SearchStats,
    /// Rows that came back, of all.
    done: u64,
}

/// Starts the comparison of queries, which are checked, with the rows that are listed for each.
pub(crate) fn submit_listed(
    dataset: &Dataset,
    queries: Queries,
    listed: Listed,
    wanted: Wanted,
    options: Options,
) -> Result<Pending<RowHits>> {
    check(dataset, &queries, &listed)?;
    let count = queries.count;
    let longest = listed.lims.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0);
    let (found, k) = match wanted {
        Wanted::Nearest(k) => {
            let (k, decoder) = (k.min(longest), Arc::clone(&queries.decoder));
            let mut hits = SearchHits::new(count, k, decoder, options.row_ids.clone())?;
            hits.allocate()?;
            (Found::Nearest(hits), k)
        }
        Wanted::Within(radius) => {
            let limit = queries.decoder.key_limit(radius);
            (Found::Within(RangePairs::new(count), radius, limit), 0)
        }
    };
    start(dataset, queries, listed, (found, k), options)
}

/// Starts the comparison with every row that is listed: the answer has each where it stands, as often as it does, with
/// [`Order::no_hit`](crate::Order::no_hit) where the pair is no hit.
pub(crate) fn submit_every(
    dataset: &Dataset,
    queries: Queries,
    listed: Listed,
    options: Options,
) -> Result<Pending<RowHits>> {
    check(dataset, &queries, &listed)?;
    let mut distances = Vec::new();
    if distances.try_reserve_exact(listed.rows.len()).is_err() {
        let reason = format!("{} distances do not fit in memory", listed.rows.len());
        return Err(Error::argument("candidates", reason));
    }
    distances.resize(listed.rows.len(), dataset.metric().order().no_hit());
    start(dataset, queries, listed, (Found::Every(distances), 0), options)
}

fn check(dataset: &Dataset, queries: &Queries, listed: &Listed) -> Result<()> {
    let sound = listed.lims.len() == queries.count + 1
        && listed.lims.is_sorted()
        && listed.lims.last() == Some(&listed.rows.len());
    if !sound || listed.rows.iter().any(|&row| u64::from(row) >= dataset.len()) {
        return Err(Error::internal(format!("lists of rows for {} queries", queries.count)));
    }
    Ok(())
}

fn start(
    dataset: &Dataset,
    queries: Queries,
    listed: Listed,
    (found, k): (Found, usize),
    options: Options,
) -> Result<Pending<RowHits>> {
    let select_threads = select_threads(dataset.gpu())?;
    let todo = batches(dataset, &queries, &listed, k)?;
    let stats = SearchStats { queries: queries.count as u64, ..SearchStats::default() };
    let (dataset, cancel) = (dataset.clone(), options.cancel.clone());
    let comparison = Comparison {
        dataset,
        queries,
        listed,
        k: k as u32,
        found,
        todo,
        select_threads,
        options,
        stats,
        done: 0,
    };
    Pending::start(comparison, cancel)
}

/// Threads that select for a query.
pub(super) fn select_threads(gpu: &Gpu) -> Result<u32> {
    // selection is written for powers of two
    let max_threads = 1 << gpu.caps().max_workgroup_threads.max(1).ilog2();
    Ok(gpu.profile().u32("select", "threads")?.min(max_threads))
}

/// What a submission takes of memory for each of its queries, which has `room` rows and wants `k` of them.
pub(super) fn per_query(
    dataset: &Dataset,
    queries: &Queries,
    room: u64,
    k: u64,
) -> Result<PerQuery> {
    let none = DeviceFilter::new(dataset.compared(), Filter::default(), queries.count)?;
    let of = PerQuery::uploads(queries, &none)
        .upload("candidates", room * 4)
        .upload("counts", 4)
        .buffer("keys of candidates", room * 4);
    Ok(if k > 0 { of.hits(k).beside(k * 8) } else { of.beside(room * 4) })
}

/// How many pairs of a query and a row may be compared in one submission.
pub(super) fn most_pairs(dataset: &Dataset) -> Result<u64> {
    let profile = dataset.gpu().profile();
    let (ms, gflops) = (profile.f64("submit", "max_ms")?, profile.f64("submit", "gflops")?);
    let dim = dataset.compared().dim() as f64;
    Ok((((ms * 1e6 * gflops) / (2.0 * dim)) as u64 / ALONE).max(1))
}

/// Adds what it took to compare so many pairs.
pub(super) fn count(stats: &mut SearchStats, dataset: &Dataset, pairs: u64) {
    let matrix = dataset.compared().matrix();
    stats.refine.candidates += pairs;
    stats.flops += 2 * pairs * dataset.compared().dim() as u64;
    stats.bytes += pairs * matrix.dtype().row_bytes(matrix.dim()) as u64;
}

/// The submissions, by memory, by what one binding holds and by time. Queries without rows are in none, where they would be alone.
fn batches(
    dataset: &Dataset,
    queries: &Queries,
    listed: &Listed,
    k: usize,
) -> Result<VecDeque<Batch>> {
    let (gpu, pairs) = (dataset.gpu(), most_pairs(dataset)?);
    let behind = dataset.compared().behind_queries();
    let memory = scratch(dataset, behind);
    let binding = gpu.caps().max_binding_bytes.saturating_sub(behind);
    let per_query = |room: u64| per_query(dataset, queries, room, k as u64);
    let (mut all, mut start, mut room) = (VecDeque::new(), 0, 0u64);
    for query in 0..queries.count {
        let own = (listed.lims[query + 1] - listed.lims[query]) as u64;
        let (count, wider) = ((query - start) as u64 + 1, room.max(own));
        let fits = count <= per_query(wider.max(1))?.fit(memory, binding)
            && count * wider <= pairs
            && count <= u64::from(gpu.caps().max_dispatch);
        if fits {
            room = wider;
            continue;
        }
        per_query(own.max(1))?.check(gpu, behind, own)?;
        if room > 0 {
            all.push_back((start..query, room as u32));
        }
        (start, room) = (query, own);
    }
    if room > 0 {
        all.push_back((start..queries.count, room as u32));
    }
    Ok(all)
}

/// Whether stage C has the distances of such pairs.
fn by_products(pair: &Pair) -> bool {
    match pair {
        Pair::Tree { .. } => true,
        Pair::Integer { family } => matches!(*family, "l2" | "dot"),
        _ => false,
    }
}

/// Encodes the keys of the rows that are chosen for each query, with room for so many.
pub(crate) fn keys(
    encoder: &mut Encoder,
    dataset: &Dataset,
    pair: &Pair,
    upload: &Upload,
    chosen: &Chosen,
    room: u32,
) -> Result<Buffer> {
    let rows = dataset.scan_rows();
    if by_products(pair) {
        return rescore::keys(encoder, rows, None, pair, (upload, None), (room, 1), chosen);
    }
    let bytes = u64::from(upload.count) * u64::from(room) * 4;
    let keys = dataset.gpu().scratch("candidate keys", bytes)?;
    for block in distance::spans(rows, None) {
        let target = Out::Listed(&keys, &chosen.bins, room);
        distance::distances(encoder, dataset, pair, upload, None, &block, target)?;
    }
    Ok(keys)
}

impl Comparison {
    /// The rows of a query.
    fn rows(&self, query: usize) -> &[u32] {
        &self.listed.rows[self.listed.lims[query]..self.listed.lims[query + 1]]
    }

    /// Brings the rows of some queries to the device.
    fn upload_rows(&self, (queries, room): &Batch, encoder: &mut Encoder) -> Result<Chosen> {
        let room = *room as usize;
        let mut chosen = vec![NO_KEY; queries.len() * room];
        let mut counts = Vec::with_capacity(queries.len());
        for (query, to) in queries.clone().zip(chosen.chunks_exact_mut(room)) {
            let rows = self.rows(query);
            to[..rows.len()].copy_from_slice(rows);
            counts.push(rows.len() as u32);
        }
        let bins = encoder.upload("candidates", bytemuck::cast_slice(&chosen))?;
        let counts = encoder.upload("candidate counts", bytemuck::cast_slice(&counts))?;
        Ok(Chosen { bins, counts })
    }
}

impl Job for Comparison {
    type Output = RowHits;
    type InFlight = Batch;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.dataset.gpu())
    }

    fn has_next(&self) -> bool {
        !self.todo.is_empty()
    }

    fn next(&mut self) -> Result<Option<(Flight, Batch)>> {
        let Some(batch) = self.todo.pop_front() else { return Ok(None) };
        let (dataset, pair) = (&self.dataset, &self.queries.pair);
        let mut encoder = Encoder::new(dataset.gpu(), "refine", self.options.timed)?;
        let which: Vec<u32> = batch.0.clone().map(|query| query as u32).collect();
        let upload = self.queries.upload(dataset, &which, false, &mut encoder)?;
        let chosen = self.upload_rows(&batch, &mut encoder)?;
        let keys = keys(&mut encoder, dataset, pair, &upload, &chosen, batch.1)?;
        let flight = match self.found {
            Found::Within(..) | Found::Every(_) => encoder.submit(&[(&keys, 0, keys.size())])?,
            Found::Nearest(_) => {
                let (nq, threads) = (upload.count, self.select_threads);
                let hits = Selection { nq, k: self.k, threads, sorted: true };
                let of = [&keys, &chosen.bins, &chosen.counts];
                let hits = hits.of_bins(&mut encoder, of, (batch.1, 1), None)?;
                let (keys, rows) = (&hits.keys, &hits.rows);
                encoder.submit(&[(keys, 0, keys.size()), (rows, 0, rows.size())])?
            }
        };
        Ok(Some((flight, batch)))
    }

    fn take(&mut self, landed: Landed, (queries, room): Batch) -> Result<()> {
        self.stats.add_landed(&landed.variants, &landed.times);
        let part = |at: usize| words(landed.parts.get(at).map_or(&[][..], |part| &part[..]));
        let pairs = (self.listed.lims[queries.end] - self.listed.lims[queries.start]) as u64;
        count(&mut self.stats, &self.dataset, pairs);
        let keys = part(0);
        match &mut self.found {
            Found::Nearest(hits) => {
                let which: Vec<u32> = queries.map(|query| query as u32).collect();
                hits.store(&which, &vec![true; which.len()], &keys, &part(1))?;
            }
            Found::Within(hits, _, limit) => {
                let mut pairs = Vec::new();
                for (query, keys) in queries.zip(keys.chunks_exact(room as usize)) {
                    pairs.clear();
                    let rows = self.listed.lims[query]..self.listed.lims[query + 1];
                    let within = keys.iter().zip(&self.listed.rows[rows]);
                    let within = within.filter(|&(key, _)| *key < *limit && *key != NO_KEY);
                    pairs.extend(within.flat_map(|(&key, &row)| [key, row]));
                    hits.add(&[(query as u32, pairs.len() as u32 / 2)], &pairs)?;
                }
            }
            Found::Every(distances) => {
                for (query, keys) in queries.zip(keys.chunks_exact(room as usize)) {
                    let rows = self.listed.lims[query]..self.listed.lims[query + 1];
                    let hits = distances[rows].iter_mut().zip(keys);
                    for (distance, &key) in hits.filter(|(_, key)| **key != NO_KEY) {
                        *distance = self.queries.decoder.distance(key);
                    }
                }
            }
        }
        self.done += pairs;
        self.options.tell(self.done as f64 / self.listed.rows.len().max(1) as f64);
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.options.tell(1.0);
        let stats = std::mem::take(&mut self.stats);
        match &mut self.found {
            Found::Nearest(hits) => Ok(hits.finish(stats)),
            Found::Within(hits, radius, _) => {
                hits.finish(&self.queries.decoder, *radius, &self.options, stats)
            }
            Found::Every(distances) => {
                let ids = self.options.row_ids.of(&self.listed.rows)?;
                let (lims, distances) =
                    (std::mem::take(&mut self.listed.lims), std::mem::take(distances));
                Ok(RowHits { lims, ids, distances, proved: Vec::new(), stats })
            }
        }
    }
}

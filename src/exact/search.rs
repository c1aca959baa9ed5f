//! The search for k neighbours: the binned scan where it applies, all exact distances where it does not.

use crate::call::SearchStats;
use crate::call::{Filter, Found, Options};
use crate::call::{Job, Pending};
use crate::exact::dataset::Dataset;
use crate::exact::distance::Dense;
use crate::exact::exact_bins::ExactBins;
use crate::exact::filter::DeviceFilter;
use crate::exact::plan::{Path, Plan};
use crate::exact::queries::Queries;
use crate::exact::scan::score::Scan;
use crate::kernel::words;

use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, Flight, Landed};
use crate::ops::kernels::MAX_SORT;
use crate::parallel::each;
use crate::space::Decoder;
use std::collections::VecDeque;
use std::ops::Range;

const NO_KEY: u32 = u32::MAX;
/// Hits that one thread decodes at a time: waking another takes as long as some ten thousand.
const PIECE: usize = 64 << 10;

/// A piece of work that is not finished on the device.
enum Step {
    Queries(Range<usize>),
    List(Vec<u32>),
    Scan(Vec<u32>, Box<Scan>),
    /// The flag: a second try, counted already.
    Bins(Vec<u32>, Box<ExactBins>, bool),
    Dense(Vec<u32>, Box<Dense>),
}

struct Search {
    dataset: Dataset,
    queries: Queries,
    filter: DeviceFilter,
    plan: Plan,
    k: usize,
    options: Options,
    todo: VecDeque<Step>,
    rerun: Vec<u32>,
    /// The scan of 8 bits is behind these.
    tried: bool,
    outstanding: usize,
    done: usize,
    hits: Vec<u32>,
    rows: Vec<u32>,
    distances: Vec<f32>,
    stats: SearchStats,
}

/// What a submission brings back: keys, rows and, of a scan's first try, counts of these queries; nothing of an unfinished
/// piece.
#[derive(Default)]
pub(crate) struct InFlight {
    query_ids: Vec<u32>,
    scan: bool,
    /// Bytes of rows that these queries read.
    bytes: u64,
}

/// Starts a search for the k nearest rows of each query.
pub(crate) fn submit_search(
    dataset: &Dataset,
    queries: Rows<'_>,
    k: usize,
    filter: Filter,
    options: Options,
) -> Result<Pending<Found>> {
    if k == 0 {
        return Err(Error::argument("k", "0 neighbours are no search"));
    }
    let mut queries = Queries::new(dataset, queries)?;
    options.keep(&mut queries.decoder);
    let filter = DeviceFilter::new(dataset.compared(), filter, queries.count)?;
    let k = k.min(dataset.len() as usize);
    let count = queries.count;
    let too_many = || Error::argument("k", format!("{count} x {k} hits do not fit in memory"));
    let total = count.checked_mul(k).ok_or_else(too_many)?;
    // untouched pages: each is paid for by the thread that fills it
    let rows = bytemuck::try_zeroed_vec(total).map_err(|()| too_many())?;
    let distances = bytemuck::try_zeroed_vec(total).map_err(|()| too_many())?;
    let plan = Plan::new(dataset.gpu(), dataset, &queries, k as u64, &options)?;
    let stats =
        SearchStats { queries: count as u64, rows: dataset.len(), ..SearchStats::default() };
    let mut todo = VecDeque::new();
    if total > 0 {
        let step = if plan.path == Path::Dense { plan.dense_queries } else { plan.scan_queries };
        for start in (0..count).step_by(step) {
            let range = start..(start + step).min(count);
            todo.push_back(Step::Queries(range));
        }
    }
    let cancel = options.cancel.clone();
    let search = Search {
        dataset: dataset.clone(),
        queries,
        filter,
        plan,
        k,
        options,
        todo,
        rerun: Vec::new(),
        tried: false,
        outstanding: 0,
        done: 0,
        hits: vec![0; count],
        rows,
        distances,
        stats,
    };
    Pending::start(search, cancel)
}

impl Search {
    fn begin(&self, path: Path, query_ids: Vec<u32>, encoder: &mut Encoder) -> Result<Step> {
        let dataset = &self.dataset;
        let upload = self.queries.upload(dataset, &query_ids, self.plan.int8, encoder)?;
        let bitmap = self.filter.bitmap(&query_ids, encoder)?;
        Ok(match path {
            Path::Scan => {
                let scan = Scan::new(
                    dataset.scan_rows(),
                    &self.queries,
                    upload,
                    bitmap,
                    &self.plan,
                    encoder,
                )?;
                Step::Scan(query_ids, Box::new(scan))
            }
            Path::Bins => {
                Step::Bins(query_ids, Box::new(ExactBins::new(dataset, upload, bitmap)?), false)
            }
            Path::Dense => {
                let dense = Dense::new(dataset, upload, bitmap, &self.plan, self.k as u32)?;
                Step::Dense(query_ids, Box::new(dense))
            }
        })
    }

    fn bins(
        &mut self,
        query_ids: Vec<u32>,
        mut bins: Box<ExactBins>,
        again: bool,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let (dataset, biases) = (&self.dataset, self.filter.biases.as_deref());
        if !bins.score(&mut encoder, dataset, biases, &self.queries, &self.plan)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Step::Bins(query_ids, bins, again));
            return Ok((flight, InFlight::default()));
        }
        let k = self.k as u32;
        let out = bins.select(&mut encoder, dataset, biases, &self.queries, &self.plan, k)?;
        let ranges = [(&out.keys, 0, out.keys.size()), (&out.rows, 0, out.rows.size())];
        Ok((
            encoder.submit(&ranges)?,
            InFlight { query_ids, scan: !again, bytes: dataset.compared().matrix().bytes() },
        ))
    }

    fn scan(
        &mut self,
        query_ids: Vec<u32>,
        mut scan: Box<Scan>,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let biases = self.filter.biases.as_deref();
        self.stats.exact.sums_exact = scan.sums_exact();
        if !scan.score(&mut encoder, self.dataset.scan_rows(), biases, self.plan.pairs)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Step::Scan(query_ids, scan));
            return Ok((flight, InFlight::default()));
        }
        let k = self.k as u32;
        let out = scan.select(
            &mut encoder,
            self.dataset.scan_rows(),
            biases,
            &self.queries,
            &self.plan,
            k,
        )?;
        let (keys, rows) = (out.keys.size(), out.rows.size());
        let ranges =
            [(&out.keys, 0, keys), (&out.rows, 0, rows), (&out.counts, 0, out.counts.size())];
        let bytes = scan.bytes(self.dataset.scan_rows())?;
        Ok((encoder.submit(&ranges)?, InFlight { query_ids, scan: true, bytes }))
    }

    fn dense(
        &mut self,
        query_ids: Vec<u32>,
        mut dense: Box<Dense>,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let biases = self.filter.biases.as_deref();
        let k = self.k as u32;
        if !dense.step(&mut encoder, &self.dataset, biases, &self.queries, &self.plan, k)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Step::Dense(query_ids, dense));
            return Ok((flight, InFlight::default()));
        }
        let (keys, rows) = dense.best();
        let ranges = [(keys, 0, keys.size()), (rows, 0, rows.size())];
        let bytes = self.dataset.compared().matrix().bytes();
        Ok((encoder.submit(&ranges)?, InFlight { query_ids, scan: false, bytes }))
    }

    /// Decodes and stores the pairs of the queries of `query_ids` that are `wanted`; they ascend.
    fn store(
        &mut self,
        query_ids: &[u32],
        wanted: &[bool],
        keys: &[u32],
        found: &[u32],
    ) -> Result<()> {
        let (Some(&first), Some(&last)) = (query_ids.first(), query_ids.last()) else {
            return Ok(());
        };
        let (k, decoder) = (self.k, &self.queries.decoder);
        let all = first as usize * k..(last as usize + 1) * k;
        let rows = self.rows[all.clone()].chunks_mut(k);
        let places = (first..).zip(rows.zip(self.distances[all].chunks_mut(k)));
        let mut next = 0;
        let mut outs = Vec::with_capacity(query_ids.len());
        for (query, out) in places {
            if query_ids[next] == query {
                outs.push((next, out));
                next += 1;
            }
        }
        outs.retain(|(i, _)| wanted[*i]);
        let step = (PIECE / k).max(1);
        let lens = each(outs.chunks_mut(step).collect(), |piece| {
            let store = |(i, (rows, distances)): &mut (usize, (&mut [u32], &mut [f32]))| {
                let at = *i * k..(*i + 1) * k;
                let len = decode(decoder, &keys[at.clone()], &found[at], rows, distances);
                (query_ids[*i] as usize, len as u32)
            };
            Ok(piece.iter_mut().map(store).collect::<Vec<_>>())
        })?;
        for (query, len) in lens.into_iter().flatten() {
            self.hits[query] = len;
            self.done += 1;
        }
        Ok(())
    }
}

/// Decodes the pairs of one query, nearest first; says how many they are.
fn decode(
    decoder: &Decoder,
    keys: &[u32],
    found: &[u32],
    rows: &mut [u32],
    distances: &mut [f32],
) -> usize {
    let len = keys.iter().position(|&key| key == NO_KEY).unwrap_or(keys.len());
    if keys.len() > MAX_SORT as usize {
        let pair = |(&key, &row): (&u32, &u32)| u64::from(key) << 32 | u64::from(row);
        let mut pairs: Vec<u64> = keys[..len].iter().zip(found).map(pair).collect();
        pairs.sort_unstable();
        for (i, pair) in pairs.into_iter().enumerate() {
            rows[i] = pair as u32;
            distances[i] = decoder.distance((pair >> 32) as u32);
        }
    } else {
        rows[..len].copy_from_slice(&found[..len]);
        decoder.distances(&keys[..len], &mut distances[..len]);
    }
    len
}

impl Job for Search {
    type Output = Found;
    type InFlight = InFlight;

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        let work = match self.todo.pop_front() {
            Some(work) => work,
            // Queries that the scan could not certify wait for the others, to go in one batch.
            None if self.outstanding == 0 && !self.rerun.is_empty() => {
                let rest = self.rerun.split_off(self.rerun.len().min(self.plan.scan_queries));
                Step::List(std::mem::replace(&mut self.rerun, rest))
            }
            None => return Ok(None),
        };
        let mut encoder = Encoder::new(self.dataset.gpu(), "search", self.options.timed)?;
        let work = match work {
            Step::Queries(range) => {
                self.begin(self.plan.path, range.map(|q| q as u32).collect(), &mut encoder)?
            }
            // what 8 bits do not tell, the rows or their f16 copy may
            Step::List(query_ids) if self.plan.int8 => {
                self.plan.int8 = false;
                self.tried = true;
                self.begin(Path::Scan, query_ids, &mut encoder)?
            }
            // the best bins by exact distances always fit
            Step::List(query_ids) => match self.begin(Path::Bins, query_ids, &mut encoder)? {
                Step::Bins(query_ids, bins, _) => Step::Bins(query_ids, bins, true),
                other => other,
            },
            other => other,
        };
        let flight = match work {
            Step::Scan(query_ids, scan) => self.scan(query_ids, scan, encoder)?,
            Step::Bins(query_ids, bins, again) => self.bins(query_ids, bins, again, encoder)?,
            Step::Dense(query_ids, dense) => self.dense(query_ids, dense, encoder)?,
            Step::Queries(_) | Step::List(_) => return Err(Error::internal("work did not begin")),
        };
        self.outstanding += 1;
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, tag: InFlight) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        if tag.query_ids.is_empty() {
            return Ok(());
        }
        let [keys, rows, ..] = &landed.parts[..] else {
            return Err(Error::internal("a search brought nothing back"));
        };
        let (keys, rows) = (words(keys), words(rows));
        let counts = landed.parts.get(2).filter(|_| tag.scan).map(|c| words(c));
        let work = 2
            * self.dataset.len()
            * self.dataset.compared().matrix().dim() as u64
            * tag.query_ids.len() as u64;
        self.stats.flops += work;
        self.stats.bytes += tag.bytes;
        let mut wanted = vec![true; tag.query_ids.len()];
        for (i, &query) in tag.query_ids.iter().enumerate() {
            if tag.scan {
                // exact bins need exactly k and always fit
                let most = self.k as u32;
                let count = counts.as_ref().map_or(most, |c| c.get(i).copied().unwrap_or(u32::MAX));
                self.stats.exact.scanned += u64::from(!self.tried);
                self.stats.exact.bins_passed += u64::from(count);
                self.stats.exact.bins_passed_max =
                    self.stats.exact.bins_passed_max.max(count.into());
                if count > self.plan.max_candidates {
                    self.stats.exact.rerun += u64::from(!self.tried);
                    self.rerun.push(query);
                    wanted[i] = false;
                }
            }
        }
        self.store(&tag.query_ids, &wanted, &keys, &rows)?;
        if let Some(progress) = &self.options.progress {
            progress(self.done as f64 / self.queries.count as f64);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Found> {
        let mut found = Found { stats: std::mem::take(&mut self.stats), ..Found::default() };
        found.lims.push(0);
        let total: usize = self.hits.iter().map(|&h| h as usize).sum();
        if total == self.rows.len() {
            found.rows = std::mem::take(&mut self.rows);
            found.distances = std::mem::take(&mut self.distances);
            found.lims.extend((1..=self.queries.count).map(|i| i * self.k));
            return Ok(found);
        }
        for (query, &len) in self.hits.iter().enumerate() {
            let at = query * self.k..query * self.k + len as usize;
            found.rows.extend_from_slice(&self.rows[at.clone()]);
            found.distances.extend_from_slice(&self.distances[at]);
            found.lims.push(found.rows.len());
        }
        Ok(found)
    }
}

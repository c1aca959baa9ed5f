//! The search for k neighbours: the binned scan where it applies, all exact distances where it does not.

use super::base::Base;
use super::dense::Dense;
use super::exact_bins::ExactBins;
use super::pending::{Job, Pending};
use super::plan::{Plan, Way};
use super::queries::Queries;
use super::request::{Filter, Found, Options, Prepared};
use super::scan::Scan;
use super::space::Decoder;
use super::stats::SearchStats;
use super::words;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::format::each;
use crate::kernel::registry::MAX_SORT;
use crate::kernel::{Encoder, Flight, Landed};
use std::collections::VecDeque;
use std::ops::Range;

const NO_KEY: u32 = u32::MAX;
/// Hits that one thread decodes at a time: waking another takes as long as some ten thousand.
const PIECE: usize = 64 << 10;

/// A piece of work that is not finished on the device.
enum Work {
    Queries(Range<usize>),
    List(Vec<u32>),
    Scan(Vec<u32>, Box<Scan>),
    /// The flag: a second try, counted already.
    Bins(Vec<u32>, Box<ExactBins>, bool),
    Dense(Vec<u32>, Box<Dense>),
}

struct Search {
    base: Base,
    queries: Queries,
    filter: Prepared,
    plan: Plan,
    k: usize,
    options: Options,
    todo: VecDeque<Work>,
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
pub(crate) struct Tag {
    which: Vec<u32>,
    scan: bool,
    /// Bytes of rows that these queries read.
    bytes: u64,
}

/// Starts a search for the k nearest rows of each query.
pub(crate) fn submit_search(
    base: &Base,
    queries: Rows<'_>,
    k: usize,
    filter: Filter,
    options: Options,
) -> Result<Pending<Found>> {
    if k == 0 {
        return Err(Error::argument("k", "0 neighbours are no search"));
    }
    let mut queries = Queries::new(base, queries)?;
    options.keep(&mut queries.decoder);
    let filter = Prepared::new(base, filter, queries.count)?;
    let k = k.min(base.len() as usize);
    let count = queries.count;
    let too_many = || Error::argument("k", format!("{count} x {k} hits do not fit in memory"));
    let total = count.checked_mul(k).ok_or_else(too_many)?;
    // untouched pages: each is paid for by the thread that fills it
    let rows = bytemuck::try_zeroed_vec(total).map_err(|()| too_many())?;
    let distances = bytemuck::try_zeroed_vec(total).map_err(|()| too_many())?;
    let plan = Plan::new(base.gpu(), base, &queries, k as u64, &options)?;
    let stats = SearchStats { queries: count as u64, rows: base.len(), ..SearchStats::default() };
    let mut todo = VecDeque::new();
    if total > 0 {
        let step = if plan.way == Way::Dense { plan.dense_queries } else { plan.scan_queries };
        for start in (0..count).step_by(step) {
            let range = start..(start + step).min(count);
            todo.push_back(Work::Queries(range));
        }
    }
    let cancel = options.cancel.clone();
    let search = Search {
        base: base.clone(),
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
    fn begin(&self, way: Way, which: Vec<u32>, encoder: &mut Encoder) -> Result<Work> {
        let base = &self.base;
        let upload = self.queries.upload(base, &which, self.plan.bytes, encoder)?;
        let bitmap = self.filter.bitmap(&which, encoder)?;
        Ok(match way {
            Way::Scan => {
                let scan = Scan::new(base, &self.queries, upload, bitmap, &self.plan, encoder)?;
                Work::Scan(which, Box::new(scan))
            }
            Way::Bins => Work::Bins(which, Box::new(ExactBins::new(base, upload, bitmap)?), false),
            Way::Dense => {
                let dense = Dense::new(base, upload, bitmap, &self.plan, self.k as u32)?;
                Work::Dense(which, Box::new(dense))
            }
        })
    }

    fn bins(
        &mut self,
        which: Vec<u32>,
        mut bins: Box<ExactBins>,
        again: bool,
        mut encoder: Encoder,
    ) -> Result<(Flight, Tag)> {
        let (base, biases) = (&self.base, self.filter.biases.as_deref());
        if !bins.score(&mut encoder, base, biases, &self.queries, &self.plan)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Work::Bins(which, bins, again));
            return Ok((flight, Tag::default()));
        }
        let k = self.k as u32;
        let out = bins.select(&mut encoder, base, biases, &self.queries, &self.plan, k)?;
        let ranges = [(&out.keys, 0, out.keys.size()), (&out.rows, 0, out.rows.size())];
        Ok((encoder.submit(&ranges)?, Tag { which, scan: !again, bytes: base.work().bytes() }))
    }

    fn scan(
        &mut self,
        which: Vec<u32>,
        mut scan: Box<Scan>,
        mut encoder: Encoder,
    ) -> Result<(Flight, Tag)> {
        let biases = self.filter.biases.as_deref();
        self.stats.exact.sums_exact = scan.sums_exact();
        if !scan.score(&mut encoder, &self.base, biases, &self.plan)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Work::Scan(which, scan));
            return Ok((flight, Tag::default()));
        }
        let k = self.k as u32;
        let out = scan.select(&mut encoder, &self.base, biases, &self.queries, &self.plan, k)?;
        let (keys, rows) = (out.keys.size(), out.rows.size());
        let ranges =
            [(&out.keys, 0, keys), (&out.rows, 0, rows), (&out.counts, 0, out.counts.size())];
        let bytes = scan.bytes(&self.base)?;
        Ok((encoder.submit(&ranges)?, Tag { which, scan: true, bytes }))
    }

    fn dense(
        &mut self,
        which: Vec<u32>,
        mut dense: Box<Dense>,
        mut encoder: Encoder,
    ) -> Result<(Flight, Tag)> {
        let biases = self.filter.biases.as_deref();
        let k = self.k as u32;
        if !dense.step(&mut encoder, &self.base, biases, &self.queries, &self.plan, k)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Work::Dense(which, dense));
            return Ok((flight, Tag::default()));
        }
        let (keys, rows) = dense.best();
        let ranges = [(keys, 0, keys.size()), (rows, 0, rows.size())];
        let bytes = self.base.work().bytes();
        Ok((encoder.submit(&ranges)?, Tag { which, scan: false, bytes }))
    }

    /// Decodes and stores the pairs of the queries of `which` that are `wanted`; they ascend.
    fn store(&mut self, which: &[u32], wanted: &[bool], keys: &[u32], found: &[u32]) -> Result<()> {
        let (Some(&first), Some(&last)) = (which.first(), which.last()) else { return Ok(()) };
        let (k, decoder) = (self.k, &self.queries.decoder);
        let all = first as usize * k..(last as usize + 1) * k;
        let rows = self.rows[all.clone()].chunks_mut(k);
        let places = (first..).zip(rows.zip(self.distances[all].chunks_mut(k)));
        let mut next = 0;
        let mut outs = Vec::with_capacity(which.len());
        for (query, out) in places {
            if which[next] == query {
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
                (which[*i] as usize, len as u32)
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
    type Tag = Tag;

    fn next(&mut self) -> Result<Option<(Flight, Tag)>> {
        let work = match self.todo.pop_front() {
            Some(work) => work,
            // Queries that the scan could not certify wait for the others, to go in one batch.
            None if self.outstanding == 0 && !self.rerun.is_empty() => {
                let rest = self.rerun.split_off(self.rerun.len().min(self.plan.scan_queries));
                Work::List(std::mem::replace(&mut self.rerun, rest))
            }
            None => return Ok(None),
        };
        let mut encoder = Encoder::new(self.base.gpu(), "search", self.options.timed)?;
        let work = match work {
            Work::Queries(range) => {
                self.begin(self.plan.way, range.map(|q| q as u32).collect(), &mut encoder)?
            }
            // what 8 bits do not tell, the rows or their f16 copy may
            Work::List(which) if self.plan.bytes => {
                self.plan.bytes = false;
                self.tried = true;
                self.begin(Way::Scan, which, &mut encoder)?
            }
            // the best bins by exact distances always fit
            Work::List(which) => match self.begin(Way::Bins, which, &mut encoder)? {
                Work::Bins(which, bins, _) => Work::Bins(which, bins, true),
                other => other,
            },
            other => other,
        };
        let flight = match work {
            Work::Scan(which, scan) => self.scan(which, scan, encoder)?,
            Work::Bins(which, bins, again) => self.bins(which, bins, again, encoder)?,
            Work::Dense(which, dense) => self.dense(which, dense, encoder)?,
            Work::Queries(_) | Work::List(_) => return Err(Error::internal("work did not begin")),
        };
        self.outstanding += 1;
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, tag: Tag) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        if tag.which.is_empty() {
            return Ok(());
        }
        let [keys, rows, ..] = &landed.parts[..] else {
            return Err(Error::internal("a search brought nothing back"));
        };
        let (keys, rows) = (words(keys), words(rows));
        let counts = landed.parts.get(2).filter(|_| tag.scan).map(|c| words(c));
        let work = 2 * self.base.len() * self.base.work().dim() as u64 * tag.which.len() as u64;
        self.stats.flops += work;
        self.stats.bytes += tag.bytes;
        let mut wanted = vec![true; tag.which.len()];
        for (i, &query) in tag.which.iter().enumerate() {
            if tag.scan {
                // exact bins need exactly k and always fit
                let most = self.k as u32;
                let count = counts.as_ref().map_or(most, |c| c.get(i).copied().unwrap_or(u32::MAX));
                self.stats.exact.scanned += u64::from(!self.tried);
                self.stats.exact.bins_passed += u64::from(count);
                self.stats.exact.bins_passed_max =
                    self.stats.exact.bins_passed_max.max(count.into());
                if count > self.plan.room {
                    self.stats.exact.rerun += u64::from(!self.tried);
                    self.rerun.push(query);
                    wanted[i] = false;
                }
            }
        }
        self.store(&tag.which, &wanted, &keys, &rows)?;
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

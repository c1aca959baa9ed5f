//! The course of a search for all rows within a radius.

use super::dense::Blocks;
use super::hits::RangePairs;
use super::scanned::{Least, Scanned};
use super::within::{Brought, HitKeys, most_pairs};
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::filter::DeviceFilter;
use crate::exact::plan::{self, Asked, Path, Plan};
use crate::exact::queries::Queries;
use crate::exact::scan::direct::Direct;
use crate::exact::scan::settings::ScanSettings;
use crate::exact::scan::threshold::Score;
use crate::kernel::{Encoder, Flight, Landed, words};
use std::collections::VecDeque;
use std::ops::Range;

/// How queries are asked: first by a scan with room for some bins, then, those of which more passed, by one with room for many that does not
/// read 8 bits, in the end by all exact distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    First,
    Wide,
    Dense,
}

/// A piece of work that is not finished on the device.
enum Step {
    Scan(Box<Scanned>, Try),
    Blocks(Box<Blocks>),
    /// Hits that are counted, and the rows that come next for their queries.
    Hits(Box<HitKeys>, Option<Box<Blocks>>),
}

/// Which scan of its queries this is.
#[derive(Clone, Copy)]
struct Try {
    level: Level,
    /// None came before.
    first: bool,
}

/// What a submission brings back.
enum InFlight {
    /// Nothing of an unfinished piece.
    Nothing,
    /// Counts of hits, and of bins, when so many bytes of rows were read.
    Scanned { hits: Box<HitKeys>, room: u32, of: Try, bytes: u64 },
    /// Counts of hits among so many rows.
    Counts { hits: Box<HitKeys>, blocks: Box<Blocks>, rows: u32 },
    /// Hits of these queries, with how many each has.
    Hits(Vec<(u32, u32)>),
}

struct RangeSearch {
    dataset: Dataset,
    queries: Queries,
    filter: DeviceFilter,
    plan: Plan,
    radius: f32,
    limit: u32,
    /// Where there may be a scan.
    least: Option<Least>,
    options: Options,
    todo: VecDeque<Step>,
    /// The first query that nobody asked yet, and how those from there on are asked.
    next: usize,
    level: Level,
    /// Queries of which too many bins passed, by how they are asked again.
    again: [Vec<u32>; 2],
    outstanding: usize,
    hits: RangePairs,
    rows_done: u64,
    stats: SearchStats,
}

/// Starts a search for all rows within a radius of each query; see `Metric::order` for which side of it.
pub(crate) fn submit_range(
    dataset: &Dataset,
    queries: Rows<'_>,
    radius: f32,
    filter: Filter,
    options: Options,
) -> Result<Pending<RowHits>> {
    if radius.is_nan() {
        return Err(Error::argument("radius", "not a number"));
    }
    let mut queries = Queries::new(dataset, queries)?;
    options.keep(&mut queries.decoder);
    let count = queries.count;
    let filter = DeviceFilter::new(dataset.compared(), filter, count)?;
    let limit = queries.decoder.key_limit(radius);
    // no key or every one: the latter says nothing of scores, nor does what is within f32's range no number
    let last = (1..u32::MAX).contains(&limit).then(|| queries.decoder.raw(limit - 1));
    let score = |logs| Score::of(dataset.metric(), dataset.dim(), logs);
    let last = last.filter(|last| last.is_finite() && score(false).is_some());
    let asked = Asked::Within { bounded: last.is_some() };
    let mut plan = Plan::new(dataset.gpu(), dataset, &queries, &filter, asked, &options)?;
    // Kullback-Leibler is a sum over elements where its logarithms are not multiplied
    let least = score(plan.term.is_none()).zip(last).map(|(score, last)| Least { score, last });
    let (rows, facts) = (dataset.compared().facts(), queries.facts);
    let direct = |term| Direct::new(dataset.metric(), term, queries.dim(), rows, facts);
    plan.scan.direct = plan.term.and_then(direct);
    // elements that such a scan is not for are compared as the metric is defined
    let scans = plan.path == Path::Scan && plan.term.is_some() == plan.scan.direct.is_some();
    let level = if scans { Level::First } else { Level::Dense };
    let stats =
        SearchStats { queries: count as u64, rows: dataset.len(), ..SearchStats::default() };
    let cancel = options.cancel.clone();
    let search = RangeSearch {
        dataset: dataset.clone(),
        queries,
        filter,
        plan,
        radius,
        limit,
        least,
        options,
        todo: VecDeque::new(),
        // without rows, or where no key is below the limit, nobody has a hit
        next: if dataset.len() == 0 || limit == 0 { count } else { 0 },
        level,
        again: [Vec::new(), Vec::new()],
        outstanding: 0,
        hits: RangePairs::new(count),
        rows_done: 0,
        stats,
    };
    Pending::start(search, cancel)
}

impl RangeSearch {
    fn encoder(&self) -> Result<Encoder> {
        Encoder::new(self.dataset.gpu(), "range", self.options.timed)
    }

    /// Takes the next queries, and says how they are asked.
    fn more(&mut self) -> Option<(Vec<u32>, Try)> {
        if self.next < self.queries.count {
            let (start, level) = (self.next, self.level);
            let step = match level {
                Level::First => self.plan.step(start),
                Level::Wide => self.plan.rerun_queries,
                Level::Dense => self.plan.dense_queries,
            };
            self.next = self.filter.together(start, (start + step).min(self.queries.count));
            let Range { start, end } = start as u32..self.next as u32;
            return Some(((start..end).collect(), Try { level, first: true }));
        }
        // they wait for the others, to go in one batch
        if self.outstanding > 0 {
            return None;
        }
        let [wide, dense] = &mut self.again;
        let (ids, level, most) = match wide.is_empty() {
            false => (wide, Level::Wide, self.plan.rerun_queries),
            true => (dense, Level::Dense, self.plan.dense_queries),
        };
        let rest = ids.split_off(ids.len().min(most));
        let ids = std::mem::replace(ids, rest);
        (!ids.is_empty()).then_some((ids, Try { level, first: false }))
    }

    fn begin(&self, ids: Vec<u32>, of: Try, encoder: &mut Encoder) -> Result<Step> {
        let (dataset, queries, filter) = (&self.dataset, &self.queries, &self.filter);
        let scan = match of.level {
            Level::First => self.plan.scan,
            _ => ScanSettings {
                int8: false,
                max_candidates: self.plan.wide_candidates,
                ..self.plan.scan
            },
        };
        if let Some(least) = self.least.filter(|_| of.level < Level::Dense) {
            let scanned = Scanned::new(dataset, queries, ids, filter, (scan, least), encoder)?;
            return Ok(Step::Scan(Box::new(scanned), of));
        }
        let rows = self.plan.dense_rows;
        let blocks = Blocks::new(dataset, queries, ids, filter, rows, encoder)?;
        Ok(Step::Blocks(Box::new(blocks)))
    }

    fn scan(
        &mut self,
        mut scanned: Box<Scanned>,
        of: Try,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let biases = self.filter.biases.as_deref();
        let first = self.outstanding == 0 && self.stats.submissions == 0;
        self.stats.exact.sums_exact =
            scanned.sums_exact() && (first || self.stats.exact.sums_exact);
        if !scanned.score(&mut encoder, &self.dataset, biases, self.plan.pairs)? {
            self.todo.push_front(Step::Scan(scanned, of));
            return Ok((encoder.submit(&[])?, InFlight::Nothing));
        }
        let (keys, bins) = scanned.keys(&mut encoder, &self.dataset, biases, &self.queries.pair)?;
        let counts = keys.count(&mut encoder, scanned.ids.len() as u32, self.limit)?;
        let (room, bytes) = (scanned.room(), scanned.bytes(&self.dataset)?);
        let flight = encoder.submit(&[(&counts, 0, counts.size()), (&bins, 0, bins.size())])?;
        let hits = Box::new(HitKeys::new(scanned.ids, keys, Vec::new()));
        Ok((flight, InFlight::Scanned { hits, room, of, bytes }))
    }

    fn count(&self, mut blocks: Box<Blocks>, mut encoder: Encoder) -> Result<(Flight, InFlight)> {
        let biases = self.filter.biases.as_deref();
        let (keys, rows) = blocks.next(&mut encoder, &self.dataset, biases, &self.queries)?;
        let counts = keys.count(&mut encoder, blocks.ids.len() as u32, self.limit)?;
        let hits = Box::new(HitKeys::new(blocks.ids.clone(), keys, Vec::new()));
        let flight = encoder.submit(&[(&counts, 0, counts.size())])?;
        Ok((flight, InFlight::Counts { hits, blocks, rows }))
    }

    /// Brings the hits of as many queries as fit in one buffer.
    fn bring(
        &mut self,
        mut hits: Box<HitKeys>,
        blocks: Option<Box<Blocks>>,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let most = most_pairs(self.dataset.gpu(), plan::scratch(&self.dataset, 0));
        let Brought { pairs, bytes, of } = hits.next(&mut encoder, self.limit, most)?;
        let flight = encoder.submit(&[(&pairs, 0, bytes)])?;
        self.after(hits, blocks);
        Ok((flight, InFlight::Hits(of)))
    }

    /// On to the hits that are still to come, or to the next block of rows.
    fn after(&mut self, hits: Box<HitKeys>, blocks: Option<Box<Blocks>>) {
        if !hits.is_done() {
            self.todo.push_front(Step::Hits(hits, blocks));
        } else if let Some(blocks) = blocks.filter(|blocks| !blocks.is_done(&self.dataset)) {
            self.todo.push_front(Step::Blocks(blocks));
        }
    }

    /// Counts the bins that passed, and has those asked again of which there were too many.
    fn judge(&mut self, ids: &[u32], bins: &[u32], room: u32, of: Try) {
        let settings = &self.plan.scan;
        let wider = |count: u32| {
            let widest = self.plan.wide_candidates;
            of.level == Level::First && (settings.int8 || room < widest && count <= widest)
        };
        let (mut over, mut certified) = ([0, 0], 0);
        for (&query, &count) in ids.iter().zip(bins) {
            let exact = &mut self.stats.exact;
            exact.scanned += u64::from(of.first);
            exact.bins_passed += u64::from(count);
            exact.bins_passed_max = exact.bins_passed_max.max(count.into());
            if count <= room {
                certified += 1;
                continue;
            }
            exact.rerun += u64::from(of.first);
            let to = usize::from(!wider(count));
            self.again[to].push(query);
            over[to] += 1;
        }
        self.rows_done += self.dataset.len() * certified;
        // what is true of most is likely to be of those who come next
        for (level, over) in [Level::Wide, Level::Dense].into_iter().zip(over) {
            if over > ids.len() / 2 {
                self.level = self.level.max(level);
            }
        }
    }

    fn add_work(&mut self, rows: u64, queries: usize, bytes: u64) {
        let dim = self.dataset.compared().dim() as u64;
        self.stats.flops += 2 * rows * dim * queries as u64;
        self.stats.bytes += bytes;
    }
}

impl Job for RangeSearch {
    type Output = RowHits;
    type InFlight = InFlight;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.dataset.gpu())
    }

    fn has_next(&self) -> bool {
        let waiting = self.again.iter().any(|ids| !ids.is_empty());
        !self.todo.is_empty() || self.next < self.queries.count || self.outstanding == 0 && waiting
    }

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        self.filter.prepare(self.dataset.compared())?;
        let mut encoder = self.encoder()?;
        let step = match self.todo.pop_front() {
            Some(step) => step,
            None => match self.more() {
                Some((ids, of)) => self.begin(ids, of, &mut encoder)?,
                None => return Ok(None),
            },
        };
        let flight = match step {
            Step::Scan(scanned, of) => self.scan(scanned, of, encoder)?,
            Step::Blocks(blocks) => self.count(blocks, encoder)?,
            Step::Hits(hits, blocks) => self.bring(hits, blocks, encoder)?,
        };
        self.outstanding += 1;
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, piece: InFlight) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        let part = |at: usize| words(landed.parts.get(at).map_or(&[][..], |part| &part[..]));
        match piece {
            InFlight::Nothing => return Ok(()),
            InFlight::Scanned { mut hits, room, of, bytes } => {
                let nq = hits.ids.len();
                self.add_work(self.dataset.len(), nq, bytes);
                // behind what is taken of each query stands what there was
                let bins = part(1);
                let bins = bins.get(nq..2 * nq);
                let bins = bins.ok_or_else(|| Error::internal("a range scan without counts"))?;
                self.judge(&hits.ids, bins, room, of);
                hits.counts = part(0).to_vec();
                self.after(hits, None);
            }
            InFlight::Counts { mut hits, blocks, rows } => {
                let (nq, matrix) = (hits.ids.len(), self.dataset.compared().matrix());
                let bytes = u64::from(rows) * matrix.dtype().row_bytes(matrix.dim()) as u64;
                self.add_work(rows.into(), nq, bytes);
                self.rows_done += u64::from(rows) * nq as u64;
                hits.counts = part(0).to_vec();
                self.after(hits, Some(blocks));
            }
            InFlight::Hits(of) => {
                self.hits.add(&of, &part(0))?;
            }
        }
        let all = self.dataset.len() as f64 * self.queries.count as f64;
        self.options.tell(self.rows_done as f64 / all);
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.options.tell(1.0);
        let stats = std::mem::take(&mut self.stats);
        self.hits.finish(&self.queries.decoder, self.radius, &self.options, stats)
    }
}

//! The search for k neighbours: the binned scan where it applies, all exact distances where it does not.

use crate::buffer::Buffer;
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::exact::distance::Dense;
use crate::exact::exact_bins::ExactBins;
use crate::exact::filter::DeviceFilter;
use crate::exact::hits::SearchHits;
use crate::exact::key_tile::{self, KeyTile};
use crate::exact::nearest;
use crate::exact::plan::{Asked, Path, Plan};
use crate::exact::queries::Queries;
use crate::exact::refined::go_on;
use crate::exact::scan::rescore::Scanned;
use crate::exact::scan::score::Scan;
use crate::kernel::{Encoder, Flight, Landed, words};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

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
    /// Queries, from number 0 on, that went to the device or wait to.
    started: usize,
    hits: SearchHits,
    stats: SearchStats,
}

/// What a submission brings back: keys, rows and, of a scan's first try, counts of these queries; nothing of an unfinished
/// piece.
#[derive(Default)]
pub(crate) struct InFlight {
    query_ids: Vec<u32>,
    scan: bool,
    /// The counts tell whether two kernels agree.
    two_kernels: bool,
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
) -> Result<Pending<RowHits>> {
    let asked = Queries::unchecked(dataset, queries)?;
    let search = Search::new(dataset, asked, k, filter, options)?;
    let cancel = search.options.cancel.clone();
    Pending::start_reading(search, cancel, |search| search.read(Some(queries)))
}

/// The same of rows of another dataset of the same metric, which stay on the device.
pub(crate) fn submit_rows(
    dataset: &Dataset,
    (of, rows): (&Dataset, Range<u64>),
    k: usize,
    options: Options,
) -> Result<Pending<RowHits>> {
    let asked = Queries::resident(dataset, of, rows)?;
    let search = Search::new(dataset, asked, k, Filter::default(), options)?;
    let cancel = search.options.cancel.clone();
    Pending::start_reading(search, cancel, |search| search.read(None))
}

impl Search {
    fn new(
        dataset: &Dataset,
        mut asked: Queries,
        k: usize,
        filter: Filter,
        options: Options,
    ) -> Result<Search> {
        if k == 0 {
            return Err(Error::argument("k", "0 neighbours are no search"));
        }
        options.keep(&mut asked.decoder);
        let count = asked.count;
        let filter = DeviceFilter::new(dataset.compared(), filter, count)?;
        let (k, mut options) = (k.min(dataset.len() as usize), options);
        options.begin_next(dataset.gpu(), k);
        let decoder = Arc::clone(&asked.decoder);
        let hits = SearchHits::of(count, k, decoder, &options)?;
        let nearest = Asked::Nearest(k as u64);
        let plan = Plan::new(dataset.gpu(), dataset, &asked, &filter, nearest, &options)?;
        let stats =
            SearchStats { queries: count as u64, rows: dataset.len(), ..SearchStats::default() };
        Ok(Search {
            dataset: dataset.clone(),
            queries: asked,
            filter,
            plan,
            k,
            options,
            todo: VecDeque::new(),
            rerun: Vec::new(),
            tried: false,
            outstanding: 0,
            hits,
            stats,
            started: 0,
        })
    }

    /// Checks the next of the caller's queries, if they are the caller's, those of one submission, which may then go to the device;
    /// behind the last, makes room for the hits. Says whether there is more to do.
    fn read(&mut self, queries: Option<Rows<'_>>) -> Result<bool> {
        let (start, count) = (self.started, self.queries.count);
        if start == count {
            self.hits.allocate()?;
            queries.map_or(Ok(()), |queries| self.queries.keep(queries))?;
            return Ok(false);
        }
        let step = self.options.at_most(self.plan.step(start));
        let end = self.filter.together(start, (start + step).min(count));
        if let Some(queries) = queries {
            let in_int8 = self.plan.scan.int8;
            self.queries.check_next(&self.dataset, queries, end, in_int8)?;
        }
        self.started = end;
        if !self.hits.is_empty() {
            self.todo.push_back(Step::Queries(start..end));
        }
        Ok(true)
    }

    fn begin(&self, path: Path, query_ids: Vec<u32>, encoder: &mut Encoder) -> Result<Step> {
        let dataset = &self.dataset;
        let (path, settings) = nearest::path(dataset, &self.queries, &self.plan, path);
        let upload = self.queries.upload(dataset, &query_ids, self.plan.scan.int8, encoder)?;
        let bitmap = self.filter.bitmap(&query_ids, encoder)?;
        Ok(match path {
            Path::Scan => {
                let (rows, facts) = (dataset.scan_rows(), self.queries.facts);
                let scan = Scan::new(rows, facts, upload, bitmap, settings, encoder)?;
                Step::Scan(query_ids, Box::new(scan))
            }
            Path::Bins => {
                let (pair, settings) = (&self.queries.pair, &self.plan.scan);
                let tile = KeyTile::of(dataset.gpu(), pair, upload.count, settings)?;
                let bins = ExactBins::new(dataset, upload, bitmap, tile)?;
                Step::Bins(query_ids, Box::new(bins), false)
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
        let two_kernels = out.agreement.is_some();
        let asked = (&query_ids[..], &bins.upload);
        let (hits, refined) = go_on(&mut encoder, &self.options, asked, out.hits, k)?;
        let buffers =
            [Some(&hits.keys), Some(&hits.rows), out.agreement.as_ref(), refined.as_ref()];
        let ranges = whole(buffers);
        let bytes = dataset.compared().matrix().bytes();
        let in_flight = InFlight { query_ids, scan: !again, two_kernels, bytes };
        Ok((encoder.submit(&ranges)?, in_flight))
    }

    fn scan(
        &mut self,
        query_ids: Vec<u32>,
        mut scan: Box<Scan>,
        mut encoder: Encoder,
    ) -> Result<(Flight, InFlight)> {
        let biases = self.filter.biases.as_deref();
        let first = self.outstanding == 0 && self.stats.submissions == 0;
        self.stats.exact.sums_exact =
            scan.method.sums_exact() && (first || self.stats.exact.sums_exact);
        if !scan.score(&mut encoder, self.dataset.scan_rows(), biases, self.plan.pairs)? {
            let flight = encoder.submit(&[])?;
            self.todo.push_front(Step::Scan(query_ids, scan));
            return Ok((flight, InFlight::default()));
        }
        let k = self.k as u32;
        let (dataset, pair) = (&self.dataset, &self.queries.pair);
        let Scanned { hits, counts } =
            nearest::of_scan(&mut encoder, dataset, biases, pair, &scan, k)?;
        let asked = (&query_ids[..], &scan.scores.upload);
        let (hits, refined) = go_on(&mut encoder, &self.options, asked, hits, k)?;
        let ranges = whole([Some(&hits.keys), Some(&hits.rows), Some(&counts), refined.as_ref()]);
        let bytes = scan.bytes(self.dataset.scan_rows())?;
        Ok((
            encoder.submit(&ranges)?,
            InFlight { query_ids, scan: true, two_kernels: false, bytes },
        ))
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
        let upload = dense.upload.clone();
        let asked = (&query_ids[..], &upload);
        let (best, refined) = go_on(&mut encoder, &self.options, asked, dense.into_best(), k)?;
        let ranges = whole([Some(&best.keys), Some(&best.rows), refined.as_ref(), None]);
        let bytes = self.dataset.compared().matrix().bytes();
        Ok((
            encoder.submit(&ranges)?,
            InFlight { query_ids, scan: false, two_kernels: false, bytes },
        ))
    }
}

/// All of some buffers.
fn whole(buffers: [Option<&Buffer>; 4]) -> Vec<(&Buffer, u64, u64)> {
    buffers.into_iter().flatten().map(|buffer| (buffer, 0, buffer.size())).collect()
}

impl Job for Search {
    type Output = RowHits;
    type InFlight = InFlight;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.dataset.gpu())
    }

    fn has_next(&self) -> bool {
        !self.todo.is_empty() || self.outstanding == 0 && !self.rerun.is_empty()
    }

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        self.filter.prepare(self.dataset.compared())?;
        let work = match self.todo.pop_front() {
            Some(work) => work,
            // Queries that the scan could not certify wait for the others, to go in one batch.
            None if self.outstanding == 0 && !self.rerun.is_empty() => {
                let Plan { scan, scan_queries, rerun_queries, .. } = self.plan;
                let most = if scan.int8 { scan_queries } else { rerun_queries };
                let most = self.options.at_most(most);
                let rest = self.rerun.split_off(self.rerun.len().min(most));
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
            Step::List(query_ids) if self.plan.scan.int8 => {
                self.plan.scan.int8 = false;
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

    fn take(&mut self, mut landed: Landed, tag: InFlight) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        if tag.query_ids.is_empty() {
            return Ok(());
        }
        let next = self.options.next.clone();
        let refined = next.as_ref().and_then(|_| landed.parts.pop());
        let [keys, rows, ..] = &landed.parts[..] else {
            return Err(Error::internal("a search brought nothing back"));
        };
        let (keys, rows) = (words(keys), words(rows));
        let mut counts = landed.parts.get(2).filter(|_| tag.scan).map(|c| words(c).to_vec());
        if let Some(counts) = counts.as_mut().filter(|c| tag.two_kernels && c.contains(&u32::MAX)) {
            // what one query shows holds for all
            key_tile::set_apart(self.dataset.gpu(), &self.queries.pair)?;
            counts.fill(u32::MAX);
        }
        let work = 2
            * self.dataset.len()
            * self.dataset.compared().dim() as u64
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
                let passed = u64::from(if tag.two_kernels { most } else { count });
                self.stats.exact.bins_passed += passed;
                self.stats.exact.bins_passed_max = self.stats.exact.bins_passed_max.max(passed);
                if count > self.plan.scan.max_candidates {
                    self.stats.exact.rerun += u64::from(!self.tried);
                    self.rerun.push(query);
                    wanted[i] = false;
                }
            }
        }
        if let (Some(next), Some(counts)) = (next, refined) {
            next.count(&words(&counts), &wanted, &mut self.stats)?;
        }
        self.hits.store(&tag.query_ids, &wanted, &keys, &rows)?;
        self.options.tell(self.hits.share());
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.options.tell(1.0);
        Ok(self.hits.finish(std::mem::take(&mut self.stats)))
    }
}

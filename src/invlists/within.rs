//! The search for all rows within a radius in the lists that are nearest to each query: the exact distances of all their rows, of which the
//! device counts those within the radius, then writes them.

use super::coarse::Probes;
use super::lists::InvertedLists;
use super::probing::Probing;
use super::scan::{AllKeys, By, ListScan};
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{Asked, HitKeys, KeyRows, Keys, Queries, RangePairs, most_pairs, scratch};
use crate::kernel::{Encoder, Flight, Landed, words};
use std::collections::VecDeque;
use std::ops::Range;

/// What is to go to the device.
enum Step {
    Queries(Range<usize>),
    /// Hits that are counted.
    Hits(Box<HitKeys>),
}

/// What a submission brings back.
enum InFlight {
    /// Counts of hits, rows of the lists, and counts of bins of centroids, where these had room for so many.
    Counts { hits: Box<HitKeys>, again: bool, room: Option<u32> },
    /// Hits of these queries, with how many each has.
    Hits(Vec<(u32, u32)>),
}

struct Search {
    call: Probing,
    scan: ListScan,
    /// Queries of a submission.
    step: usize,
    radius: f32,
    limit: u32,
    options: Options,
    todo: VecDeque<Step>,
    /// Queries whose centroids could not be told apart by scores.
    again: Vec<u32>,
    outstanding: usize,
    done: usize,
    hits: RangePairs,
    stats: SearchStats,
}

/// Starts a search for all rows within a radius in the `nprobe` nearest lists of each query; these are not all.
pub(super) fn submit(
    lists: &InvertedLists,
    queries: Rows<'_>,
    radius: f32,
    nprobe: usize,
    filter: Filter,
    options: Options,
) -> Result<Pending<RowHits>> {
    if radius.is_nan() {
        return Err(Error::argument("radius", "not a number"));
    }
    let sought = Asked::Within { bounded: false };
    let asked = Queries::unchecked(lists.dataset(), queries)?;
    let call = Probing::new(lists, None, asked, sought, nprobe, filter, &options)?;
    let scan = call.scan([1, nprobe], true)?;
    let by_time = call.plan.pairs / call.table.most_rows(nprobe).max(1);
    let step = scan.again(By::Distances).min(by_time.max(1) as usize);
    let limit = call.queries.decoder.key_limit(radius);
    let hits = RangePairs::new(call.queries.count);
    let (stats, cancel) = (call.stats(nprobe), options.cancel.clone());
    let search = Search {
        call,
        scan,
        step,
        radius,
        limit,
        options,
        todo: VecDeque::new(),
        again: Vec::new(),
        outstanding: 0,
        done: 0,
        hits,
        stats,
    };
    Pending::start_reading(search, cancel, |search| search.read(queries))
}

impl Search {
    /// Checks the queries of the next submission, which may then go to the device. Says whether there is more to do.
    fn read(&mut self, queries: Rows<'_>) -> Result<bool> {
        let Some(range) = self.call.read(Some(queries), self.step)? else { return Ok(false) };
        // without rows, or where no key is below the limit, nobody has a hit
        if self.limit > 0 && self.call.table.rows() > 0 {
            self.todo.push_back(Step::Queries(range));
        }
        Ok(true)
    }

    /// Queries that go to the device, and whether their lists are found by exact distances.
    fn count(&mut self, ids: Vec<u32>, again: bool) -> Result<(Flight, InFlight)> {
        let mut encoder = self.encoder()?;
        let call = &mut self.call;
        let uploaded = call.upload(&ids, &mut encoder)?;
        let Probes { lists: probes, counts: coarse, room } =
            call.coarse.encode(&mut encoder, &call.queries, &uploaded.upload, again)?;
        let (rows, asked) = (call.rows(), call.asked(&uploaded, &probes));
        let found = self.scan.all_keys(&mut encoder, &rows, asked)?;
        let AllKeys { keys, chosen, room: pages, rows_probed } = found;
        let order = Some(call.table.positions.order().clone());
        let rows = KeyRows::Bins { chosen: chosen.bins, counts: chosen.counts, room: pages, order };
        let keys = Keys { keys, rows };
        let counts = keys.count(&mut encoder, ids.len() as u32, self.limit)?;
        let mut ranges = vec![(&counts, 0, counts.size()), (&rows_probed, 0, rows_probed.size())];
        ranges.extend(coarse.as_ref().map(|counts| (counts, 0, counts.size())));
        let flight = encoder.submit(&ranges)?;
        let room = coarse.as_ref().map(|_| room);
        let hits = Box::new(HitKeys::new(ids, keys, Vec::new()));
        Ok((flight, InFlight::Counts { hits, again, room }))
    }

    /// Brings the hits of as many queries as fit in one buffer.
    fn bring(&mut self, mut hits: Box<HitKeys>) -> Result<(Flight, InFlight)> {
        let mut encoder = self.encoder()?;
        let dataset = self.call.lists.dataset();
        let most = most_pairs(dataset.gpu(), scratch(dataset, 0));
        let brought = hits.next(&mut encoder, self.limit, most)?;
        let flight = encoder.submit(&[(&brought.pairs, 0, brought.bytes)])?;
        self.go_on(hits);
        Ok((flight, InFlight::Hits(brought.of)))
    }

    /// On to the hits that are still to come.
    fn go_on(&mut self, hits: Box<HitKeys>) {
        if !hits.is_done() {
            self.todo.push_front(Step::Hits(hits));
        }
    }

    fn encoder(&self) -> Result<Encoder> {
        self.call.encoder("range of lists", &self.options)
    }
}

impl Job for Search {
    type Output = RowHits;
    type InFlight = InFlight;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.call.lists.dataset().gpu())
    }

    fn has_next(&self) -> bool {
        !self.todo.is_empty() || self.outstanding == 0 && !self.again.is_empty()
    }

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        self.call.prepare()?;
        let flight = match self.todo.pop_front() {
            Some(Step::Queries(range)) => {
                self.count(range.map(|query| query as u32).collect(), false)?
            }
            Some(Step::Hits(hits)) => self.bring(hits)?,
            // they wait for the others, to go in one batch
            None if self.outstanding == 0 && !self.again.is_empty() => {
                let most = self.step.min(self.call.coarse.rerun_queries());
                let rest = self.again.split_off(self.again.len().min(most));
                let ids = std::mem::replace(&mut self.again, rest);
                self.count(ids, true)?
            }
            None => return Ok(None),
        };
        self.outstanding += 1;
        Ok(Some(flight))
    }

    fn take(&mut self, landed: Landed, piece: InFlight) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        let part = |at: usize| words(landed.parts.get(at).map_or(&[][..], |part| &part[..]));
        match piece {
            InFlight::Counts { mut hits, again, room } => {
                let (mut counts, probed) = (part(0).to_vec(), part(1));
                let nq = hits.ids.len();
                if counts.len() != nq || probed.len() != nq {
                    return Err(Error::internal("a range search without counts"));
                }
                for (i, &query) in hits.ids.iter().enumerate() {
                    let chosen = part(2).get(i).copied();
                    if room.is_some_and(|room| chosen.is_none_or(|chosen| chosen > room)) {
                        counts[i] = 0;
                        self.stats.exact.rerun += u64::from(!again);
                        self.again.push(query);
                        continue;
                    }
                    let rows = u64::from(probed[i]);
                    self.done += 1;
                    self.stats.ivf.rows_probed += rows;
                    self.stats.flops += 2 * rows * self.call.queries.work_dim() as u64;
                }
                hits.counts = counts;
                self.go_on(hits);
            }
            InFlight::Hits(of) => self.hits.add(&of, &part(0))?,
        }
        self.options.tell(self.done as f64 / self.call.queries.count as f64);
        Ok(())
    }

    fn finish(&mut self) -> Result<RowHits> {
        self.options.tell(1.0);
        let stats = std::mem::take(&mut self.stats);
        self.hits.finish(&self.call.queries.decoder, self.radius, &self.options, stats)
    }
}

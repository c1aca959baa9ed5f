//! The search of the lists that are nearest to each query: one submission for some queries, from the centroids to the hits.

use super::coarse::{Coarse, Probes};
use super::lists::InvertedLists;
use super::originals::OriginalRows;
use super::probing::Probing;
use super::scan::{By, ListScan};
use super::scored::Found;
use crate::call::{Filter, Job, Options, Pending, RowHits, SearchStats};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::exact::{Asked, MAX_SCAN_K, NO_KEY, Queries, SearchHits, go_on};
use crate::kernel::{Flight, Landed, words};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// How queries go through their lists. Those that ask again go a later way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    /// How the rows are told apart, where the way before could not.
    rows: By,
    /// The centroids by exact distances: their scores could not be told apart.
    centroids_exactly: bool,
}

/// Queries that are to go to the device.
enum Step {
    Queries(Range<usize>),
    Again(Vec<u32>, Way),
}

/// Queries that go on to more lists, since the rows of the first were fewer than they want.
struct Fill {
    k: usize,
    /// As many as there are, k at most.
    full: usize,
    exhaustive: bool,
    short: Vec<u32>,
    /// Whether some did.
    goes_on: bool,
}

struct Search {
    call: Probing,
    scan: ListScan,
    /// How queries are filled up that have fewer than k hits, if they are.
    fill: Option<Fill>,
    options: Options,
    todo: VecDeque<Step>,
    /// Queries to ask again, by the ways that they go.
    again: BTreeMap<Way, Vec<u32>>,
    outstanding: usize,
    hits: SearchHits,
    stats: SearchStats,
}

/// What a submission brings back of these queries.
struct InFlight {
    query_ids: Vec<u32>,
    way: Way,
    /// Bins that there is room for of the centroids and of the rows, where the counts of those that were chosen come back.
    rooms: [Option<u32>; 2],
    /// Rounds of rows that were compared in the place of their codes.
    rounds: usize,
}

/// Bins that each query of a submission chose, and how many there was room for.
type Counts<'a> = Option<(u32, Cow<'a, [u32]>)>;

/// Whether one of so many queries chose more than there was room for, which is rare: one pass without a way out, of which the compiler makes
/// vectors.
fn is_over(of: &Counts<'_>, queries: usize) -> bool {
    let Some((room, counts)) = of else { return false };
    counts.len() < queries || counts.iter().fold(0, |most, &count| count.max(most)) > *room
}

/// Starts a search for the k nearest rows in the `nprobe` nearest lists of each query; these are not all. The queries come with the caller's, which are
/// still to be checked, unless they lie on the device.
pub(super) fn submit(
    (lists, originals): (&InvertedLists, Option<&OriginalRows>),
    (asked, queries): (Queries, Option<Rows<'_>>),
    k: usize,
    (nprobe, fill): (usize, bool),
    filter: Filter,
    mut options: Options,
) -> Result<Pending<RowHits>> {
    let k = k.min(lists.dataset().len() as usize);
    // who goes on to more lists looks at what was found
    options.next = options.next.filter(|_| !fill);
    options.begin_next(lists.dataset().gpu(), k);
    let sought = Asked::Nearest(k as u64);
    let call = Probing::new(lists, originals, asked, sought, nprobe, filter, &options)?;
    let decoder = Arc::clone(&call.queries.decoder);
    let hits = SearchHits::of(call.queries.count, k, decoder, &options)?;
    let exhaustive = options.exhaustive || k as u64 > MAX_SCAN_K;
    let scan = call.scan([k, nprobe], exhaustive)?;
    let full = k.min(call.table.rows() as usize);
    let fill = fill.then_some(Fill { k, full, exhaustive, short: Vec::new(), goes_on: false });
    let (stats, cancel) = (call.stats(nprobe), options.cancel.clone());
    let search = Search {
        call,
        scan,
        fill,
        options,
        todo: VecDeque::new(),
        again: BTreeMap::new(),
        outstanding: 0,
        hits,
        stats,
    };
    Pending::start_reading(search, cancel, |search| search.read(queries))
}

impl Search {
    /// Checks the queries of the next submission, which may then go to the device; behind the last, makes room for the hits. Says
    /// whether there is more to do.
    fn read(&mut self, queries: Option<Rows<'_>>) -> Result<bool> {
        let step = self.options.at_most(self.scan.queries(self.call.started()));
        let Some(range) = self.call.read(queries, step)? else {
            self.hits.allocate()?;
            return Ok(false);
        };
        if !self.hits.is_empty() {
            self.todo.push_back(Step::Queries(range));
        }
        Ok(true)
    }

    /// The next queries that are to be asked again, when no others are on their way.
    fn next_again(&mut self) -> Option<Step> {
        let (way, mut waiting) = self.again.pop_first()?;
        let most = self.scan.again(way.rows).min(self.call.coarse.rerun_queries());
        let rest = waiting.split_off(waiting.len().min(self.options.at_most(most)));
        if !rest.is_empty() {
            self.again.insert(way, rest);
        }
        Some(Step::Again(waiting, way))
    }

    /// Whether no query is on its way or about to be, but some want more lists.
    fn is_short(&self) -> bool {
        let short = self.fill.as_ref().is_some_and(|fill| !fill.short.is_empty());
        short && self.again.is_empty() && self.todo.is_empty() && self.outstanding == 0
    }

    /// Has those that are short ask twice as many lists.
    fn go_on(&mut self) -> Result<()> {
        let Some(fill) = &mut self.fill else { return Ok(()) };
        let mut short = std::mem::take(&mut fill.short);
        short.sort_unstable();
        if !std::mem::replace(&mut fill.goes_on, true) {
            self.stats.ivf.filled = short.len() as u64;
        }
        let call = &mut self.call;
        let nprobe = (self.scan.nprobe as usize).saturating_mul(2).min(call.lists.nlist());
        self.scan = call.scan([fill.k, nprobe], fill.exhaustive)?;
        call.coarse = Coarse::new(&call.lists, &call.queries, nprobe, &self.options)?;
        let step = self.scan.queries(0).min(call.coarse.step(0));
        let parts = short.chunks(step).map(|ids| Step::Again(ids.to_vec(), Way::default()));
        self.todo.extend(parts);
        Ok(())
    }

    fn run(&mut self, query_ids: Vec<u32>, way: Way) -> Result<(Flight, InFlight)> {
        let call = &mut self.call;
        let mut encoder = call.encoder("search lists", &self.options)?;
        let uploaded = call.upload(&query_ids, &mut encoder)?;
        let exactly = way.centroids_exactly;
        let every = self.scan.nprobe as usize >= call.lists.nlist();
        let Probes { lists: probes, counts: coarse, room } = if every {
            // in any order, and those too that have no distance to a query
            let all = (0..uploaded.upload.count).flat_map(|_| 0..self.scan.nprobe);
            let all: Vec<u32> = all.collect();
            let lists = encoder.upload("probes", bytemuck::cast_slice(&all))?;
            Probes { lists, counts: None, room: 0 }
        } else {
            call.coarse.encode(&mut encoder, &call.queries, &uploaded.upload, exactly)?
        };
        let (rows, asked) = (call.rows(), call.asked(&uploaded, &probes));
        let Found { hits, counts, room: rows_room, rows_probed, compared } =
            self.scan.encode(&mut encoder, &rows, asked, way.rows)?;
        let of = (&query_ids[..], &uploaded.upload);
        let (hits, refined) = go_on(&mut encoder, &self.options, of, hits, self.scan.k())?;
        let mut ranges = vec![
            (&hits.keys, 0, hits.keys.size()),
            (&hits.rows, 0, hits.rows.size()),
            (&rows_probed, 0, rows_probed.size()),
        ];
        let rounds = compared.len();
        ranges.extend(compared.iter().map(|counts| (counts, 0, counts.size())));
        let all = [&coarse, &counts, &refined];
        ranges.extend(all.into_iter().flatten().map(|counts| (counts, 0, counts.size())));
        let rooms = [coarse.as_ref().map(|_| room), counts.as_ref().map(|_| rows_room)];
        Ok((encoder.submit(&ranges)?, InFlight { query_ids, way, rooms, rounds }))
    }
}

impl Job for Search {
    type Output = RowHits;
    type InFlight = InFlight;

    fn gpu(&self) -> Option<&Gpu> {
        Some(self.call.lists.dataset().gpu())
    }

    fn has_next(&self) -> bool {
        !self.todo.is_empty() || self.outstanding == 0 && !self.again.is_empty() || self.is_short()
    }

    fn next(&mut self) -> Result<Option<(Flight, InFlight)>> {
        self.call.prepare()?;
        if self.is_short() {
            self.go_on()?;
        }
        let step = match self.todo.pop_front() {
            Some(step) => step,
            // queries that could not be certified wait for the others, to go in one batch
            None if self.outstanding == 0 => match self.next_again() {
                Some(step) => step,
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        let (query_ids, way) = match step {
            Step::Queries(range) => (range.map(|query| query as u32).collect(), Way::default()),
            Step::Again(query_ids, way) => (query_ids, way),
        };
        let flight = self.run(query_ids, way)?;
        self.outstanding += 1;
        Ok(Some(flight))
    }

    fn take(&mut self, mut landed: Landed, tag: InFlight) -> Result<()> {
        self.outstanding -= 1;
        self.stats.add_landed(&landed.variants, &landed.times);
        let next = self.options.next.clone();
        let refined = next.as_ref().and_then(|_| landed.parts.pop());
        let nothing = || Error::internal("a search brought nothing back");
        let [keys, rows, probed, counts @ ..] = &landed.parts[..] else {
            return Err(nothing());
        };
        let (compared, counts) = counts.split_at_checked(tag.rounds).ok_or_else(nothing)?;
        let sum = |counts: &[u8]| words(counts).iter().map(|&n| u64::from(n)).sum::<u64>();
        let pairs = compared.iter().map(|counts| sum(counts)).sum();
        self.stats.add_originals(pairs, self.call.queries.work_dim() as u64);
        let (keys, rows) = (words(keys), words(rows));
        let probed = sum(probed);
        if tag.way == Way::default() {
            self.stats.ivf.rows_probed += probed;
        }
        self.stats.flops += 2 * probed * self.call.queries.work_dim() as u64;
        let mut counts = counts.iter().map(|part| words(part));
        let counts: [Counts<'_>; 2] =
            tag.rooms.map(|room| room.and_then(|room| Some((room, counts.next()?))));
        let mut wanted = vec![true; tag.query_ids.len()];
        if counts.iter().any(|of| is_over(of, tag.query_ids.len())) {
            for (i, &query) in tag.query_ids.iter().enumerate() {
                let count = |of: &Cow<'_, [u32]>| of.get(i).copied().unwrap_or(u32::MAX);
                let over =
                    |of: &Counts<'_>| of.as_ref().is_some_and(|(room, of)| count(of) > *room);
                if let Some(at) = counts.iter().position(over) {
                    self.stats.exact.rerun += 1;
                    self.stats.originals.again += u64::from(at == 1 && self.call.has_originals());
                    let way = match at {
                        0 => Way { centroids_exactly: true, ..tag.way },
                        _ => Way { rows: self.scan.behind(tag.way.rows), ..tag.way },
                    };
                    self.again.entry(way).or_default().push(query);
                    wanted[i] = false;
                }
            }
        }
        if let (Some((_, chosen)), true) = (&counts[1], tag.way.rows != By::Distances) {
            let passed = chosen.iter().take(tag.query_ids.len());
            let first = self.fill.as_ref().is_none_or(|fill| !fill.goes_on);
            if first && tag.way == Way::default() {
                self.stats.exact.scanned += tag.query_ids.len() as u64;
            }
            let most = passed.clone().fold(0, |most, &count| count.max(most));
            self.stats.exact.bins_passed += passed.map(|&count| u64::from(count)).sum::<u64>();
            self.stats.exact.bins_passed_max = self.stats.exact.bins_passed_max.max(most.into());
        }
        let more = (self.scan.nprobe as usize) < self.call.lists.nlist();
        // mostly every query has its k
        let full = || keys.iter().fold(true, |full, &key| full & (key != NO_KEY));
        if let Some(fill) = self.fill.as_mut().filter(|_| more && !full()) {
            let found = keys.chunks_exact(fill.k).zip(rows.chunks_exact(fill.k));
            let own = tag.query_ids.iter().zip(found).zip(&mut wanted);
            for ((&query, (keys, rows)), wanted) in own.filter(|(_, wanted)| **wanted) {
                // behind the first there may be anything
                let found = keys.iter().position(|&key| key == NO_KEY);
                let enough = |found: usize| {
                    found >= fill.full
                        || self.options.row_ids.is_enough(query, &rows[..found], fill.k)
                };
                if found.is_some_and(|found| !enough(found)) {
                    fill.short.push(query);
                    *wanted = false;
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

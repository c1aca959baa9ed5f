//! One measurement: right first, then fast.

use super::case::{Case, Filter};
use super::data::Set;
use super::lists::{Lists, recall};
use super::roofline::Achieved;
use super::truth::{self, Checked};
use crate::shell::call_time::CallTime;
use crate::shell::failure::Result;
use crate::shell::stop;
use nearfield::{
    Flat, GraphParams, GraphPath, GraphTraversal, Guarantee, Hits, Index, IvfParams, QueryFilter,
    RefineParams, Search, SearchParams, SearchStats, StageTime,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HEADER: &str = "name,kernel,metric,n,d,queries,k,wall_ms,wall_min_ms,device_ms,host_ms,\
                      queries_per_s,tflops,bins_passed,rerun,checked,excused";
/// What follows where some case is of lists.
const LISTS_HEADER: &str =
    ",nlist,nprobe,recall,rows_probed,train_s,add_s,list_p50,list_max,largest,ratio";
const RUNS: usize = 20;
const TIMED_RUNS: usize = 5;
/// A device that has waited for the host to check an answer takes a while to run at its full clock: an H200 took a third of
/// it for some 300 ms.
const WARM_UP: Duration = Duration::from_millis(500);
/// Queries of a case that are held against f64.
const CHECKED: usize = 256;
/// Pairs that the host compares for it: of ten million rows fewer queries.
const CHECKED_PAIRS: usize = 640_000_000;

/// What came of a case.
pub struct Record {
    pub case: Case,
    pub kernel: String,
    /// The median wall time, and the median device time of other runs.
    pub time: CallTime,
    pub wall_min_ms: f64,
    pub stages: Vec<StageTime>,
    pub achieved: Option<Achieved>,
    pub bins_passed: f64,
    pub rerun: u64,
    pub checked: usize,
    pub excused: usize,
    pub looked: Option<Looked>,
}

/// What came of a case of lists, beside.
pub struct Looked {
    pub lists: Arc<Lists>,
    /// The share of the nearest rows of all that were found.
    pub recall: f64,
    /// Rows in the lists of a query, on average.
    pub rows_probed: f64,
    /// How many times as long a pair of a query and a row took as in the case that this one is held beside.
    pub ratio: Option<f64>,
}

/// What is searched.
pub struct Loaded {
    pub index: Box<dyn Index>,
    /// Of lists, or of codes.
    pub lists: Option<Arc<Lists>>,
    /// What codes stand for, where that is known.
    pub decoded: Option<Set>,
    /// The rows as they were, of codes.
    pub exact: Option<Flat>,
}

/// The names of what a record's line has; `lists` where some case is of lists.
pub fn header(lists: bool) -> String {
    if lists { format!("{HEADER}{LISTS_HEADER}") } else { HEADER.to_owned() }
}

/// Checks a case against f64, then times it. Cases that were measured before are those it may be held beside.
pub fn measure(case: &Case, set: &Set, loaded: &Loaded, before: &[Record]) -> Result<Record> {
    let index = &*loaded.index;
    let params = params(case, index)?;
    let first = set.batch(case.asked, 0, case.queries);
    let nearest = index.search_with(first, case.k, &params)?;
    let count = checked(case);
    let stored = loaded.decoded.as_ref().unwrap_or(set);
    let truth = match &loaded.lists {
        // what a distance is to is not known
        Some(_) if loaded.exact.is_some() && loaded.decoded.is_none() => Checked::default(),
        Some(lists) if lists.are_known() => {
            let probed = lists.probed(case, set, index, case.queries / count)?;
            let reaches = |query: usize, row: usize| lists.reaches(&probed, query, row);
            truth::check(case, stored, &nearest, count, &reaches)?
        }
        _ => truth::check(case, stored, &nearest, count, &|_, _| true)?,
    };
    let found = match &loaded.lists {
        None => None,
        Some(lists) => {
            let mut exact = params.clone().guarantee(Guarantee::Exact);
            (exact.ivf, exact.refine, exact.graph) = (None, None, None);
            let exact = match &loaded.exact {
                Some(rows) => rows.search_with(first, case.k, &exact)?,
                None => index.search_with(first, case.k, &exact)?,
            };
            Some((lists, recall(&nearest, &exact)))
        }
    };
    let radius = if case.within { median_distance(&nearest) } else { None };
    let search = |run: usize, params: &SearchParams| {
        let queries = set.batch(case.asked, run, case.queries);
        match radius {
            None => index.search_with(queries, case.k, params),
            Some(radius) => index.range_search_with(queries, radius, params),
        }
    };
    if let Some(radius) = radius {
        truth::check_within(case, &nearest, &search(0, &params)?, radius)?;
    }
    let walls = walls(|run| search(run, &params))?;
    let timed = params.timed(true);
    let stats = median_of_timed(|run| search(run, &timed))?;
    let kernel = kernel(&stats, found.is_some());
    let time = CallTime::new(walls[RUNS / 2], stats.device_nanoseconds());
    let looked = found.map(|(lists, recall)| {
        let rows_probed = stats.ivf.rows_probed as f64 / case.queries as f64;
        let other = before.iter().find(|other| case.is_beside(&other.case));
        let ratio = other.and_then(|other| {
            let of_pair = other.time.wall_ms() / other.looked.as_ref()?.rows_probed;
            Some(time.wall_ms() / rows_probed / of_pair)
        });
        Looked { lists: Arc::clone(lists), recall, rows_probed, ratio }
    });
    Ok(Record {
        case: case.clone(),
        kernel,
        time,
        wall_min_ms: walls[0].as_secs_f64() * 1e3,
        achieved: Achieved::of(&stats),
        bins_passed: stats.exact.bins_passed as f64 / stats.exact.scanned.max(1) as f64,
        rerun: stats.exact.rerun,
        stages: stats.times,
        checked: truth.queries,
        excused: truth.excused,
        looked,
    })
}

/// What went through the rows; of lists it comes behind what chose them, and of a graph behind what compared the starts.
fn kernel(stats: &SearchStats, of_lists: bool) -> String {
    if stats.graph.walked > 0
        && let Some(walk) = stats.variants.iter().find(|name| name.starts_with("search_"))
    {
        return walk.clone();
    }
    let mut names =
        stats.variants.iter().filter(|v| v.starts_with("scan") || v.starts_with("dist"));
    let name = match of_lists {
        true => names.clone().rfind(|name| name.starts_with("scan")).or_else(|| names.next_back()),
        false => names.next(),
    };
    name.cloned().unwrap_or_default()
}

/// Queries of a case that are checked.
fn checked(case: &Case) -> usize {
    (CHECKED_PAIRS / case.base.n).clamp(1, CHECKED).min(case.queries)
}

/// The distance at which half of the queries have all their neighbours.
fn median_distance(nearest: &Hits) -> Option<f32> {
    let mut last: Vec<f32> = nearest.rows().filter_map(|row| Some(row.last()?.1)).collect();
    last.sort_by(f32::total_cmp);
    last.get(last.len() / 2).copied()
}

fn params(case: &Case, index: &dyn Index) -> Result<SearchParams> {
    let mut params = SearchParams::new().cancel(&stop::token());
    if let Some(nprobe) = case.nprobe {
        params = params.ivf(IvfParams::new().nprobe(nprobe));
    }
    if let Some(ef) = case.ef {
        let by = if case.bytes { GraphTraversal::Bytes } else { GraphTraversal::Rows };
        let graph = GraphParams::new().path(GraphPath::Graph).traversal(by).ef(ef);
        params = params.graph(graph);
    }
    if let Some(times) = case.k_factor {
        params = params.refine(RefineParams::new().k_factor(times));
    }
    let half = 0..case.eligible() as u64;
    Ok(match case.filter {
        Filter::All => params,
        Filter::Half => params.filter(half),
        Filter::HalfByQuery => params.query_filter(first_half(case)),
        Filter::HalfPrepared => params.prepared(&index.prepare_filter(half.into())?),
        Filter::HalfByQueryPrepared => {
            params.prepared(&index.prepare_query_filter(first_half(case))?)
        }
    })
}

/// Wall times of [`RUNS`] calls on a warm device, the shortest first.
fn walls(search: impl Fn(usize) -> nearfield::Result<Hits>) -> Result<[Duration; RUNS]> {
    let (begin, mut run) = (Instant::now(), 0);
    while begin.elapsed() < WARM_UP {
        search(run)?;
        run += 1;
    }
    let mut times = [Duration::ZERO; RUNS];
    for (run, time) in times.iter_mut().enumerate() {
        let start = Instant::now();
        search(run)?;
        *time = start.elapsed();
    }
    times.sort();
    Ok(times)
}

/// What the run of the median device time did, of [`TIMED_RUNS`] runs with timestamps.
fn median_of_timed(search: impl Fn(usize) -> nearfield::Result<Hits>) -> Result<SearchStats> {
    let mut runs = Vec::new();
    for run in 0..TIMED_RUNS {
        runs.push(search(run)?.stats().clone());
    }
    runs.sort_by_key(SearchStats::device_nanoseconds);
    Ok(runs.swap_remove(TIMED_RUNS / 2))
}

/// A bitmap for every query that passes the first half of the rows.
fn first_half(case: &Case) -> QueryFilter {
    let (half, words_per_query) = (case.eligible(), case.base.n.div_ceil(64));
    let word = |at: usize| match half.saturating_sub(at * 64) {
        0 => 0,
        bits if bits >= 64 => u64::MAX,
        bits => (1 << bits) - 1,
    };
    let words = (0..case.queries * words_per_query).map(|at| word(at % words_per_query)).collect();
    QueryFilter::Bitmap { words, words_per_query }
}

impl Record {
    pub fn queries_per_s(&self) -> f64 {
        self.case.queries as f64 / self.time.wall_ms() * 1e3
    }

    /// Of the scan alone, by the device's clock.
    pub fn tflops(&self) -> f64 {
        self.achieved.as_ref().map_or(0.0, Achieved::tflops)
    }

    /// What stands under the [`header`].
    pub fn line(&self, lists: bool) -> String {
        let mut line = self.searched();
        match &self.looked {
            Some(looked) => line += &looked.fields(self.case.nprobe),
            None if lists => line.extend(LISTS_HEADER.matches(',')),
            None => {}
        }
        line
    }

    fn searched(&self) -> String {
        let host_ms = self.time.host_ms().map_or_else(String::new, |ms| format!("{ms:.3}"));
        format!(
            "{},{},{},{},{},{},{},{:.3},{:.3},{:.3},{host_ms},{:.0},{:.1},{:.1},{},{},{}",
            self.case.name,
            self.kernel,
            self.case.base.metric,
            self.case.base.n,
            self.case.base.d,
            self.case.queries,
            self.case.k,
            self.time.wall_ms(),
            self.wall_min_ms,
            self.time.device_ms().unwrap_or(0.0),
            self.queries_per_s(),
            self.tflops(),
            self.bins_passed,
            self.rerun,
            self.checked,
            self.excused,
        )
    }
}

impl Looked {
    fn fields(&self, nprobe: Option<usize>) -> String {
        let Looked { lists, recall, rows_probed, ratio } = self;
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        format!(
            ",{},{},{recall:.4},{rows_probed:.0},{:.3},{:.3},{},{},{:.1},{ratio}",
            lists.count,
            nprobe.unwrap_or(0),
            lists.train_s,
            lists.add_s,
            lists.size(0.5),
            lists.size(1.0),
            lists.largest(),
        )
    }
}

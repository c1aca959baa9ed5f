//! One measurement: right first, then fast.

use super::data::Set;
use super::roofline::Achieved;
use super::suite::{Case, Kind};
use super::truth;
use crate::failure::Result;
use nearfield::{Flat, IdFilter, QueryFilter, Search, SearchParams, SearchStats, StageTime};
use std::time::{Duration, Instant};

pub const HEADER: &str = "name,kernel,metric,n,d,queries,k,wall_ms,wall_min_ms,device_ms,queries_per_s,tflops,\
                          bins_passed,rerun,checked,excused";
const RUNS: usize = 20;
const TIMED_RUNS: usize = 5;
/// A device that has waited for the host to check an answer takes a while to run at its full clock: an H200 took a third of
/// it for some 300 ms.
const WARM_UP: Duration = Duration::from_millis(500);
/// Queries of a case that are held against f64.
const CHECKED: usize = 256;

/// What came of a case.
pub struct Record {
    pub case: Case,
    pub kernel: String,
    pub wall_ms: f64,
    pub wall_min_ms: f64,
    /// 0 on adapters without timestamps.
    pub device_ms: f64,
    pub stages: Vec<StageTime>,
    pub achieved: Option<Achieved>,
    pub bins_passed: f64,
    pub rerun: u64,
    pub checked: usize,
    pub excused: usize,
}

pub fn run(case: &Case, set: &Set, index: &Flat) -> Result<Record> {
    let d = case.base.d;
    let params = match case.kind {
        Kind::Plain => SearchParams::new(),
        Kind::Half => SearchParams::new().filter(IdFilter::range(0, case.base.n as u64 / 2)),
        Kind::Each => SearchParams::new().query_filter(first_half(case)),
    };
    let queries = |run: usize| {
        let step = (set.queries.len() / d - case.queries).max(1);
        let first = (run * case.queries) % step;
        set.queries(first..first + case.queries)
    };
    let hits = index.search_with(queries(0), case.k, &params)?;
    let truth = truth::check(case, set, &hits, CHECKED.min(case.queries))?;
    let (begin, mut run) = (Instant::now(), 0);
    while begin.elapsed() < WARM_UP {
        index.search_with(queries(run), case.k, &params)?;
        run += 1;
    }
    let mut times = Vec::new();
    for run in 0..RUNS {
        let start = Instant::now();
        index.search_with(queries(run), case.k, &params)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let timed = params.timed(true);
    let mut device: Vec<(u64, SearchStats)> = Vec::new();
    for run in 0..TIMED_RUNS {
        let hits = index.search_with(queries(run), case.k, &timed)?;
        device.push((hits.stats().device_nanoseconds(), hits.stats().clone()));
    }
    device.sort_by_key(|(nanoseconds, _)| *nanoseconds);
    let (nanoseconds, stats) = device.swap_remove(TIMED_RUNS / 2);
    let kernel = stats.variants.iter().find(|v| v.starts_with("scan") || v.starts_with("dist"));
    let kernel = kernel.cloned().unwrap_or_default();
    Ok(Record {
        case: case.clone(),
        wall_ms: times[RUNS / 2],
        wall_min_ms: times[0],
        device_ms: nanoseconds as f64 / 1e6,
        achieved: Achieved::of(&stats),
        kernel,
        bins_passed: stats.exact.bins_passed as f64 / stats.exact.scanned.max(1) as f64,
        rerun: stats.exact.rerun,
        stages: stats.times,
        checked: truth.queries,
        excused: truth.excused,
    })
}

/// A bitmap for every query that passes the first half of the rows.
fn first_half(case: &Case) -> QueryFilter {
    let (half, words_per_query) = (case.base.n / 2, case.base.n.div_ceil(64));
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
        self.case.queries as f64 / self.wall_ms * 1e3
    }

    /// Of the scan alone, by the device's clock.
    pub fn tflops(&self) -> f64 {
        self.achieved.as_ref().map_or(0.0, Achieved::tflops)
    }

    /// What stands under [`HEADER`].
    pub fn line(&self) -> String {
        format!(
            "{},{},{},{},{},{},{},{:.3},{:.3},{:.3},{:.0},{:.1},{:.1},{},{},{}",
            self.case.name,
            self.kernel,
            self.case.base.metric,
            self.case.base.n,
            self.case.base.d,
            self.case.queries,
            self.case.k,
            self.wall_ms,
            self.wall_min_ms,
            self.device_ms,
            self.queries_per_s(),
            self.tflops(),
            self.bins_passed,
            self.rerun,
            self.checked,
            self.excused,
        )
    }
}

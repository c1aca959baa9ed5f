//! `nearfield bench`: checks exact search against f64, then times it.
//!
//! Wall times run from the host's slice of queries to its hits, the index resident: the median of 20, the queries other
//! ones each time. Device times are of separate, timed runs, since timestamps cost a pass a stage.

mod data;
mod suite;
mod truth;

use crate::args::{BenchArgs, Global};
use crate::failure::{Failure, Result};
use crate::report;
use nearfield::{Flat, Gpu, IdFilter, Index, Rows, SearchParams, SearchStats};
use std::fmt::Write;
use std::time::Instant;
use suite::{Case, Kind};

const HEADER: &str = "name,kernel,metric,n,d,queries,k,wall_ms,wall_min_ms,device_ms,queries_per_s,tflops,\
                      bins_passed,rerun,checked,excused";
const RUNS: usize = 20;
const CHECKED: usize = 64;

pub fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    let cases = suite::named(&args.suite).ok_or_else(|| {
        Failure::Usage(format!("--suite {}: known are {}", args.suite, suite::NAMES.join(", ")))
    })?;
    let mut table = format!("{HEADER}\n");
    report::to_stdout(format_args!("{HEADER}"))?;
    // Cases of one base follow each other: it is generated and uploaded once.
    let mut loaded: Option<(suite::Base, data::Set, Flat)> = None;
    for case in cases {
        if loaded.as_ref().is_none_or(|(base, ..)| *base != case.base) {
            drop(loaded.take());
            let set = data::Set::new(&case.base);
            let index = load(&case.base, &set, global)?;
            loaded = Some((case.base.clone(), set, index));
        }
        if let Some((_, set, index)) = &loaded {
            let line = measure(&case, set, index)?;
            report::to_stdout(format_args!("{line}"))?;
            let _ = writeln!(table, "{line}");
        }
    }
    if let Some(path) = &args.csv {
        std::fs::write(path, table).map_err(|e| nearfield::Error::io(path, e))?;
    }
    Ok(())
}

fn load(base: &suite::Base, set: &data::Set, global: &Global) -> Result<Flat> {
    let mut builder = Gpu::builder();
    if let Some(name) = &global.adapter {
        builder = builder.adapter(name);
    }
    if let Some(bytes) = global.memory_budget {
        builder = builder.memory_budget(bytes);
    }
    if let Some(copy) = base.copy {
        builder = builder.setting("matrix", "copy", if copy { "1" } else { "0" });
    }
    let gpu = builder.build()?;
    let index = Flat::new(&gpu, base.d, base.metric.clone())?;
    let start = Instant::now();
    index.add(&set.rows)?;
    let seconds = start.elapsed().as_secs_f64();
    let gib = set.rows.len() as f64 * 4.0 / f64::from(1 << 30);
    report::to_stderr(format_args!(
        "{}: {} x {} {} added in {:.3} s ({:.2} GiB/s), device memory {:.3} x the rows",
        gpu.caps().name,
        base.n,
        base.d,
        base.metric,
        seconds,
        gib / seconds,
        index.memory() as f64 / (set.rows.len() * 4) as f64,
    ));
    Ok(index)
}

fn measure(case: &Case, set: &data::Set, index: &Flat) -> Result<String> {
    let d = case.base.d;
    let params = match case.kind {
        Kind::Plain => SearchParams::new(),
        Kind::Half => SearchParams::new().filter(IdFilter::range(0, case.base.n as u64 / 2)),
    };
    let queries = |run: usize| {
        let step = (set.queries.len() / d - case.queries).max(1);
        let first = (run * case.queries) % step;
        Rows::F32(&set.queries[first * d..(first + case.queries) * d])
    };
    // Right first, then fast.
    let hits = index.search_with(queries(0), case.k, &params)?;
    let truth = truth::check(case, set, &hits, CHECKED.min(case.queries))?;
    let mut times = Vec::new();
    for run in 0..RUNS {
        let start = Instant::now();
        index.search_with(queries(run), case.k, &params)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let wall = times[RUNS / 2];
    let timed = params.timed(true);
    let mut device: Vec<(u64, SearchStats)> = Vec::new();
    for run in 0..5 {
        let hits = index.search_with(queries(run), case.k, &timed)?;
        device.push((hits.stats().device_nanoseconds(), hits.stats().clone()));
    }
    device.sort_by_key(|(nanoseconds, _)| *nanoseconds);
    let (nanoseconds, stats) = &device[device.len() / 2];
    let scan = stats.times.iter().find(|t| t.stage == "scan" || t.stage == "distance");
    let scan = scan.map_or(0.0, |t| stats.flops as f64 / t.nanoseconds as f64 / 1e3);
    let kernel = stats.variants.iter().find(|v| v.starts_with("scan") || v.starts_with("dist"));
    Ok(format!(
        "{},{},{},{},{},{},{},{:.3},{:.3},{:.3},{:.0},{:.1},{:.1},{},{},{}",
        case.name,
        kernel.map_or("", String::as_str),
        case.base.metric,
        case.base.n,
        d,
        case.queries,
        case.k,
        wall,
        times[0],
        *nanoseconds as f64 / 1e6,
        case.queries as f64 / wall * 1e3,
        scan,
        stats.bins_passed as f64 / stats.scanned.max(1) as f64,
        stats.rerun,
        truth.queries,
        truth.excused,
    ))
}

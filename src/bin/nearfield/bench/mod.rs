//! `nearfield bench`: checks exact search against f64, then times it.
//!
//! Wall times run from the host's slice of queries to its hits, the index resident: the median of 20, the queries other
//! ones each time. Device times are of separate, timed runs, since timestamps cost a pass a stage.

mod chart;
mod data;
mod document;
mod measure;
mod roofline;
mod suite;
mod svg;
mod truth;

use crate::args::{BenchArgs, Global};
use crate::failure::{Failure, Result};
use crate::output::TextFile;
use crate::{inputs, report};
use document::About;
use measure::{HEADER, Record};
use nearfield::{Flat, Index, Search};
use roofline::Peaks;
use std::path::Path;
use std::time::Instant;

pub fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    let mut cases = suite::named(&args.suite).ok_or_else(|| {
        Failure::Usage(format!("--suite {}: known are {}", args.suite, suite::NAMES.join(", ")))
    })?;
    if let Some(text) = &args.only {
        let all: Vec<String> = cases.iter().map(|case| format!("  {case}\n")).collect();
        cases.retain(|case| case.to_string().contains(text));
        if cases.is_empty() {
            let all = all.concat();
            return Err(Failure::Usage(format!("--only {text:?} leaves nothing of\n{all}")));
        }
    }
    // What cannot be written is told before the first measurement, not after the last.
    for path in [&args.csv, &args.json].into_iter().flatten() {
        TextFile::create(path)?;
    }
    let about = About::of(&args.suite, &inputs::builder(global).build()?);
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder).map_err(|e| nearfield::Error::io(folder, e))?;
    }
    let records = measure_all(&cases, global)?;
    if let Some(path) = &args.csv {
        let lines: String = records.iter().map(|r| format!("{}\n", r.line())).collect();
        TextFile::create(path)?.finish(&format!("{HEADER}\n{lines}"))?;
    }
    let peaks = args.peak_gbs.zip(args.peak_tflops).map(|(gbs, tflops)| Peaks { gbs, tflops });
    if let Some(path) = &args.json {
        let document = document::of(&about, peaks, &records);
        TextFile::create(path)?.finish(&format!("{document:#}\n"))?;
    }
    match &args.svg {
        Some(folder) => draw(folder, &records, &about.adapter, peaks, global.quiet),
        None => Ok(()),
    }
}

/// Measures each case, and prints it as it is known.
fn measure_all(cases: &[suite::Case], global: &Global) -> Result<Vec<Record>> {
    let print = |line: &str| match global.quiet {
        true => Ok(()),
        false => report::to_stdout(format_args!("{line}")),
    };
    print(HEADER)?;
    let mut records = Vec::new();
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
            let record = measure::run(case, set, index)?;
            print(&record.line())?;
            records.push(record);
        }
    }
    Ok(records)
}

fn load(base: &suite::Base, set: &data::Set, global: &Global) -> Result<Flat> {
    let mut builder = inputs::builder(global);
    for (section, key, value) in base.form.settings() {
        builder = builder.setting(section, key, value);
    }
    let gpu = builder.build()?;
    let index = Flat::with_dtype(&gpu, base.d, base.metric.clone(), base.dtype)?;
    let start = Instant::now();
    index.add_rows(set.rows())?;
    let seconds = start.elapsed().as_secs_f64();
    if global.quiet {
        return Ok(index);
    }
    let bytes = (base.n * base.dtype.row_bytes(base.d)) as f64;
    let gib = bytes / f64::from(1 << 30);
    report::to_stderr(format_args!(
        "{}: {} x {} {} {} added in {:.3} s ({:.2} GiB/s), device memory {:.3} x the rows",
        gpu.caps().name,
        base.n,
        base.d,
        base.dtype,
        base.metric,
        seconds,
        gib / seconds,
        index.memory() as f64 / bytes,
    ));
    Ok(index)
}

/// Draws the charts that the records have points for.
fn draw(
    folder: &Path,
    records: &[Record],
    adapter: &str,
    peaks: Option<Peaks>,
    quiet: bool,
) -> Result<()> {
    for chart in chart::all(records, adapter, peaks) {
        let path = folder.join(format!("{}.svg", chart.name));
        if chart.points() < 2 {
            if !quiet {
                let path = path.display();
                report::to_stderr(format_args!("{path}: not drawn, this run has {}", chart.lack));
            }
            continue;
        }
        let text =
            svg::draw(&chart).map_err(|e| Failure::Work(format!("{}: {e}", path.display())))?;
        TextFile::create(&path)?.finish(&text)?;
    }
    Ok(())
}

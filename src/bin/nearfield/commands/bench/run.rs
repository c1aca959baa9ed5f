//! The run of a suite: measures its cases, then writes what was asked for.

use super::case::{Base, Case};
use super::data::Set;
use super::document::{self, About};
use super::lists::Built;
use super::measure::{Loaded, Record, header, measure};
#[cfg(feature = "charts")]
use super::{draw, row::Row};
use super::{lists, suite};
use crate::args::{BenchArgs, Global};
use crate::shell::failure::{Failure, Result};
use crate::shell::{device, output, print, stop};
use nearfield::format::AtomicFile;
use nearfield::{BinaryFlat, DType, Error, Flat, Index};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    if args.svg.is_some() && cfg!(not(feature = "charts")) {
        let why = "--svg: this program was built without the feature `charts`; with it: cargo install nearfield \
                   --features cli,charts";
        return Err(Failure::Usage(why.into()));
    }
    #[cfg(feature = "charts")]
    if let (Some(document), Some(folder)) = (&args.from, &args.svg) {
        return draw::again(args, document, folder, global.quiet);
    }
    let outputs: Vec<_> =
        [&args.csv, &args.json].into_iter().flatten().map(|p| p.as_path()).collect();
    output::check_apart(&outputs, &[Path::new(&args.suite)])?;
    let cases = chosen(args)?;
    // What cannot be read or written is told before the first measurement, not after the last.
    #[cfg(feature = "charts")]
    draw::peers(args)?;
    for path in [&args.csv, &args.json].into_iter().flatten() {
        AtomicFile::create(path)?;
    }
    let about = About::of(&args.suite, &device::open(global)?);
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    let files = !outputs.is_empty() || args.svg.is_some();
    let records = measure_all(&cases, global, files)?;
    write(args, &about, &records, global.quiet)
}

/// The cases of the suite that `--only` leaves.
fn chosen(args: &BenchArgs) -> Result<Vec<Case>> {
    let mut cases = suite::open(&args.suite)?;
    if let Some(text) = &args.only {
        let all: String = cases.iter().map(|case| format!("  {case}\n")).collect();
        cases.retain(|case| case.to_string().contains(text));
        if cases.is_empty() {
            return Err(Failure::Usage(format!("--only {text:?} leaves nothing of\n{all}")));
        }
    }
    Ok(cases)
}

/// Measures each case, and prints it as it is known; where `files` will have them, also when nobody reads that.
fn measure_all(cases: &[Case], global: &Global, files: bool) -> Result<Vec<Record>> {
    let print = |line: &str| match global.quiet {
        true => Ok(()),
        false => match print::to_stdout(format_args!("{line}")) {
            Err(Failure::Unheard) if files => Ok(()),
            outcome => outcome,
        },
    };
    let of_lists = cases.iter().any(|case| case.base.lists.is_some() || case.base.index.is_some());
    print(&header(of_lists))?;
    let mut records: Vec<Record> = Vec::new();
    // Cases of one base follow each other: it is generated and uploaded once.
    for cases in cases.chunk_by(|a, b| a.base == b.base) {
        let Some(base) = cases.first().map(|case| &case.base) else { continue };
        let batch = cases.iter().map(|case| case.queries).max().unwrap_or(0);
        let asked: Vec<_> = cases.iter().map(|case| case.asked).collect();
        let set = Set::new(base, batch, &asked)?;
        let loaded = load(base, &set, global)?;
        for case in cases {
            stop::check()?;
            let record = measure(case, &set, &loaded, &records)?;
            print(&record.line(of_lists))?;
            records.push(record);
        }
    }
    Ok(records)
}

/// An index of the rows, on a device that is opened with the settings of the base.
fn load(base: &Base, set: &Set, global: &Global) -> Result<Loaded> {
    let mut builder = device::builder(global);
    for (section, key, value) in &base.settings {
        builder = builder.setting(format!("{section}.{key}"), value);
    }
    let gpu = builder.build()?;
    let (d, metric) = (base.d, base.metric.clone());
    let (loaded, seconds) = if base.lists.is_some() || base.index.is_some() {
        let Built { index, lists, decoded, exact } = lists::build(base, set, &gpu)?;
        let seconds = lists.add_s;
        (Loaded { index, lists: Some(Arc::new(lists)), decoded, exact }, seconds)
    } else {
        let index: Box<dyn Index> = match base.dtype {
            DType::Bits => Box::new(BinaryFlat::new(&gpu, d, metric)?),
            dtype => Box::new(Flat::with_dtype(&gpu, d, metric, dtype)?),
        };
        let start = Instant::now();
        index.add_rows(set.rows())?;
        (Loaded { index, lists: None, decoded: None, exact: None }, start.elapsed().as_secs_f64())
    };
    if global.quiet {
        return Ok(loaded);
    }
    let bytes = (base.n * base.dtype.row_bytes(base.d)) as f64;
    let gib = bytes / f64::from(1 << 30);
    print::to_stderr(format_args!(
        "{}: {} x {} {} {} added in {:.3} s ({:.2} GiB/s), device memory {:.3} x the rows",
        gpu.caps().name,
        base.n,
        base.d,
        base.dtype,
        base.metric,
        seconds,
        gib / seconds,
        loaded.index.memory() as f64 / bytes,
    ));
    if let Some(lists) = &loaded.lists {
        print::to_stderr(format_args!(
            "{} lists trained in {:.3} s, of {} to {} rows, half of them of {} or fewer",
            lists.count,
            lists.train_s,
            lists.size(0.0),
            lists.size(1.0),
            lists.size(0.5),
        ));
    }
    Ok(loaded)
}

/// Writes table, document and charts, those that were asked for.
#[cfg_attr(
    not(feature = "charts"),
    expect(unused_variables, reason = "charts alone are drawn loudly")
)]
fn write(args: &BenchArgs, about: &About, records: &[Record], quiet: bool) -> Result<()> {
    let mut files = Vec::new();
    if let Some(path) = &args.csv {
        let lists = records.iter().any(|record| record.looked.is_some());
        let lines: String = records.iter().map(|r| format!("{}\n", r.line(lists))).collect();
        files.push(output::text(path, &format!("{}\n{lines}", header(lists)))?);
    }
    let peaks = args.peaks();
    if let Some(path) = &args.json {
        let document = document::of(about, peaks, records);
        files.push(output::text(path, &format!("{document:#}\n"))?);
    }
    #[cfg(feature = "charts")]
    if let Some(folder) = &args.svg {
        let rows = records.iter().map(Row::of).collect();
        files.extend(draw::all(args, folder, rows, &about.adapter, peaks, quiet)?);
    }
    Ok(stop::name(files, [])?)
}

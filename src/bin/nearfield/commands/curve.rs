//! `nearfield curve`.

#[cfg(feature = "charts")]
use super::bench::{chart, svg};
use crate::args::{CurveArgs, Global};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::saved::{Said, Saved};
use crate::shell::{device, number, output, print, stop};
use nearfield::format::{self, AtomicFile, Conversion};
use nearfield::{Breadth, DType, SearchParams, TuneCurve, TuneParams, TunePoint, tune_search};
use serde_json::json;
use std::path::Path;

pub fn run(args: &CurveArgs, global: &Global) -> Result<()> {
    if args.svg.is_some() && cfg!(not(feature = "charts")) {
        let why = "--svg: this program was built without the feature `charts`; with it: cargo install nearfield \
                   --features cli,charts";
        return Err(Failure::Usage(why.into()));
    }
    let outputs: Vec<&Path> = args.svg.as_deref().into_iter().collect();
    output::check_apart(&outputs, &[&args.load, &args.query])?;
    let saved = Saved::open(&args.load, Said { dim: args.dim, metric: args.metric.as_ref() })?;
    let about = |e| Failure::about(&args.query, 0, e);
    let to = match (saved.info.dtype, saved.info.dim) {
        // rows say how many bits they have, unless the last byte is not full
        (DType::Bits, dim) => {
            let bits = args.reading.bits.or((!dim.is_multiple_of(8)).then_some(dim));
            args.reading.of(DType::Bits.into()).bits(bits)
        }
        _ => args.reading.of(Conversion::default()),
    };
    let queries = format::open(&args.query, to);
    let mut queries = queries.map_err(about)?;
    // what cannot be written is told before the first measurement
    outputs.iter().try_for_each(|path| AtomicFile::create(path).map(drop))?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    progress.phase("reading the index", 0);
    let index = saved.read(&gpu)?;
    progress.phase("measuring", 0);
    let count = queries.row_count();
    let rows = queries.rows(0..count).map_err(about)?;
    let params = TuneParams::new()
        .recall(args.recall)
        .k(usize::try_from(args.k).unwrap_or(usize::MAX))
        .search(SearchParams::new().cancel(&stop::token()));
    let curve = tune_search(&*index, rows, &params).map_err(about)?;
    drop(progress);
    if let Some(path) = &args.svg {
        let what = format!("{} ({}), k = {}", args.load.display(), index.description(), args.k);
        let adapter = &gpu.caps().name;
        stop::name(vec![output::text(path, &drawn(&curve, &what, adapter)?)?], [])?;
    }
    let reached = curve.reached();
    if args.json {
        let (name, (work, of)) = (curve.breadth.to_string(), work(&curve));
        let point = |point: &TunePoint| {
            json!({
                &name: point.number(),
                "recall": point.recall,
                work: number::json(of(point)),
                "queries_per_s": number::json(point.queries_per_second),
            })
        };
        let summary = json!({
            "command": "curve",
            "adapter": gpu.caps().name,
            "load": args.load.to_string_lossy(),
            "queries": count,
            "k": args.k,
            "recall": args.recall,
            &name: reached.number(),
            "points": curve.points.iter().map(point).collect::<Vec<_>>(),
        });
        return print::after(&outputs, print::to_stdout(format_args!("{summary}")));
    }
    let name = curve.breadth.to_string();
    let (heading, of) = match curve.breadth {
        Breadth::Ef { .. } => ("steps a query", work(&curve).1),
        _ => ("rows a query", work(&curve).1),
    };
    let mut lines = vec![format!("{name:>8}    recall  {heading:>13}   queries/s")];
    for point in &curve.points {
        let (number, recall, work) = (point.number(), point.recall, of(point));
        let mark = if number == reached.number() { " *" } else { "" };
        let rate = point.queries_per_second;
        lines.push(format!("{number:>8}  {recall:>8.4}  {work:>13.0}  {rate:>10.0}{mark}"));
    }
    lines.push(match reached.recall < args.recall {
        true => format!("* no {name} finds a recall of {}; this is the largest", args.recall),
        false => format!(
            "* the first with a recall of {}: search with --param {name}={}",
            args.recall,
            reached.number()
        ),
    });
    print::after(&outputs, print::to_stdout(format_args!("{}", lines.join("\n"))))
}

/// What a point tells of the work of a query: its key, and how much.
fn work(curve: &TuneCurve) -> (&'static str, fn(&TunePoint) -> f64) {
    match curve.breadth {
        Breadth::Ef { .. } => ("steps", |point| point.steps),
        _ => ("rows_probed", |point| point.rows_probed),
    }
}

/// Rate by recall, a point a number of lists or rows.
#[cfg(feature = "charts")]
fn drawn(curve: &TuneCurve, what: &str, adapter: &str) -> Result<String> {
    use chart::{Chart, Drawn, Series};
    let mut series =
        Series::new(format!("{what}; beside points: {}", curve.breadth), None, Drawn::Joined);
    series.points = curve.points.iter().map(|p| (p.recall, p.queries_per_second)).collect();
    series.notes = curve.points.iter().map(|p| p.number().to_string()).collect();
    let chart = Chart {
        name: "curve",
        title: format!("Rate by recall: {adapter}"),
        x: "recall",
        y: "queries a second",
        series: vec![series],
        lack: "",
    };
    svg::draw(&chart).map_err(Failure::Work)
}

#[cfg(not(feature = "charts"))]
fn drawn(_: &TuneCurve, _: &str, _: &str) -> Result<String> {
    Err(Failure::Usage("--svg: this program was built without the feature `charts`".into()))
}

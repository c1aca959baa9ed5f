//! `nearfield knn-graph`.

use crate::args::{Global, KnnGraphArgs};
use crate::shell::base::Base;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{device, number, output, points, print, skipped, stop};
use nearfield::format::{self, Conversion, IdWriter, RowWriter};
use nearfield::{DType, KnnGraph, KnnGraphParams, Order, RowSource, Rows, knn_graph};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Steps of the progress bar.
const STEPS: u64 = 1000;

pub fn run(args: &KnnGraphArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let path = &*args.base;
    let outputs: [&Path; 2] = [&args.out_ids, &args.out_distances];
    let inputs: Vec<&Path> = std::iter::once(path).chain(args.metric.file()).collect();
    output::check_apart(&outputs, &inputs)?;
    let to = args.reading.of(Conversion::from(args.dtype).force(args.force));
    let mut base = Base::open(path, &args.metric, (args.dtype, to), global.quiet)?;
    let (dim, k) = (base.rows.dim(), args.k as usize);
    // before the work, whose result they are for
    let ids = IdWriter::create(&args.out_ids, Some(k))?;
    let distances = format::create(&args.out_distances, DType::F32, k)?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    let rows = points::of(&gpu, &mut base, None, &progress)?;
    progress.phase("finding neighbours", STEPS);
    let told = progress.reporter(0, STEPS);
    let params = KnnGraphParams::new().cancel(&stop::token()).progress(move |share| told(share));
    let params = match args.nlist.zip(args.nprobe) {
        Some((nlist, nprobe)) => params.approximate(nlist as usize, nprobe as usize),
        None => params,
    };
    let graph = knn_graph(&rows, &base.metric, k, &params);
    let graph = graph.map_err(|e| Failure::about(path, 0, e))?;
    progress.phase("writing the graph", 0);
    let skipped = base.rows.skipped();
    let files = write(ids, distances, &graph, &skipped, base.metric.order())?;
    stop::name(files, [])?;
    drop(progress);
    if !global.quiet {
        skipped::warn(path, &skipped, "");
    }
    let seconds = begin.elapsed().as_secs_f64();
    if args.json {
        let mut summary = json!({
            "command": "knn-graph",
            "adapter": gpu.caps().name,
            "base": path.to_string_lossy(),
            "outputs": outputs.map(|path| path.to_string_lossy()),
            "metric": args.metric.to_string(),
            "k": k,
            "dim": dim,
            "rows": graph.rows,
            "nlist": args.nlist,
            "nprobe": args.nprobe,
            "stats": graph.stats,
            "seconds": number::json(seconds),
        });
        if args.reading.skip_nan {
            summary["skipped"] = json!(skipped);
        }
        return print::after(&outputs, print::to_stdout(format_args!("{summary}")));
    }
    if global.quiet {
        return Ok(());
    }
    let [ids, distances] = outputs.map(Path::display);
    let (from, n) = (path.display(), graph.rows);
    let line = format_args!(
        "{k} neighbours of {n} rows of {from} in {ids} and {distances}, {seconds:.2} s"
    );
    print::after(&outputs, print::to_stdout(line))
}

/// Writes a row of each file for each row that was read, in which rows that were skipped have no neighbour and are none.
fn write(
    mut ids: IdWriter,
    mut distances: RowWriter,
    graph: &KnnGraph,
    skipped: &[u64],
    order: Order,
) -> Result<Vec<format::AtomicFile>> {
    let (k, all) = (graph.k, graph.rows as u64 + skipped.len() as u64);
    let mut left = skipped.iter().peekable();
    let kept: Vec<i64> = (0..all)
        .filter(|row| left.next_if(|&skipped| skipped == row).is_none())
        .map(|row| row as i64)
        .collect();
    let (no_ids, no_distances) = (vec![-1; k], vec![order.no_hit(); k]);
    let mut numbers = Vec::with_capacity(k);
    let mut next = 0;
    for row in 0..all as i64 {
        stop::check()?;
        if kept.get(next) != Some(&row) {
            ids.write(&no_ids)?;
            distances.write(Rows::F32(&no_distances))?;
            continue;
        }
        let own = next * k..(next + 1) * k;
        numbers.clear();
        // of what is none no row is the number
        let number = |&id: &u32| kept.get(id as usize).copied().unwrap_or(-1);
        numbers.extend(graph.ids[own.clone()].iter().map(number));
        ids.write(&numbers)?;
        distances.write(Rows::F32(&graph.distances[own]))?;
        next += 1;
    }
    Ok(vec![ids.complete()?.1, distances.complete()?.1])
}

//! `nearfield kmeans`.

use crate::args::{Global, KMeansArgs};
use crate::shell::base::Base;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{device, number, output, points, print, skipped, stop};
use nearfield::format::{self, AtomicFile, Conversion, IdWriter};
use nearfield::{DType, KMeans, KMeansParams, RowSource, Rows, kmeans};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

pub fn run(args: &KMeansArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let (path, out) = (&*args.base, &*args.out);
    let outputs: Vec<&Path> = std::iter::once(out).chain(args.labels.as_deref()).collect();
    let inputs: Vec<&Path> = std::iter::once(path).chain(args.metric.file()).collect();
    output::check_apart(&outputs, &inputs)?;
    let to = args.reading.of(Conversion::from(args.dtype).force(args.force));
    let mut base = Base::open(path, &args.metric, (args.dtype, to), global.quiet)?;
    let dim = base.rows.dim();
    // before the work, whose result they are for
    let mut file = format::create(out, DType::F32, dim)?;
    let labels = args.labels.as_ref().map(|path| IdWriter::create(path, None)).transpose()?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    let some = args.train_rows.map(|count| (count, args.seed));
    let points = points::of(&gpu, &mut base, some, &progress)?;
    let rows = points.len();
    let steps = args.niter.saturating_add(1).saturating_mul(args.nredo);
    progress.phase("finding centroids", steps);
    let told = progress.reporter(0, steps);
    let params = KMeansParams::new()
        .niter(args.niter as usize)
        .nredo(args.nredo as usize)
        .seed(args.seed)
        .init(args.init)
        .spherical(args.spherical)
        .balance(args.balance)
        .max_points_per_centroid(args.max_points_per_centroid as usize)
        .assignments(labels.is_some())
        .cancel(&stop::token())
        .progress(move |share| told(share));
    let found = kmeans(&points, &base.metric, args.k as usize, &params);
    let found = found.map_err(|e| Failure::about(path, 0, e))?;
    progress.phase("writing the centroids", 0);
    file.write(Rows::F32(&found.centroids))?;
    let skipped = base.rows.skipped();
    let mut files: Vec<AtomicFile> = vec![file.complete()?.1];
    if let (Some(mut labels), Some(numbers)) = (labels, &found.assignments) {
        write_labels(&mut labels, numbers, &skipped)?;
        files.push(labels.complete()?.1);
    }
    stop::name(files, [])?;
    drop(progress);
    if !global.quiet {
        skipped::warn(path, &skipped, "");
    }
    let seconds = begin.elapsed().as_secs_f64();
    let [least, median, most] = sizes(&found);
    if args.json {
        let mut summary = json!({
            "command": "kmeans",
            "adapter": gpu.caps().name,
            "base": path.to_string_lossy(),
            "output": out.to_string_lossy(),
            "metric": args.metric.to_string(),
            "k": found.k,
            "dim": dim,
            "rows": rows,
            "trained_on": found.points,
            "iterations": found.iterations,
            "objective": found.objective.iter().map(|&sum| number::json(sum)).collect::<Vec<_>>(),
            "splits": found.splits,
            "distinct": found.distinct,
            "imbalance": number::json(found.imbalance()),
            "sizes": {"least": least, "median": median, "most": most},
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
    let (k, iterations, to) = (found.k, found.iterations, out.display());
    let objective = found.objective.last().copied().unwrap_or_default();
    let line = format_args!(
        "{k} centroids of {rows} rows of {} in {to}: objective {objective:.6e} after {iterations} iterations, \
         {least} to {most} rows each and {median} in the middle, {seconds:.2} s",
        path.display()
    );
    print::after(&outputs, print::to_stdout(line))
}

/// A number for each row of the file, -1 for those that were skipped.
fn write_labels(to: &mut IdWriter, numbers: &[u32], skipped: &[u64]) -> Result<()> {
    let mut all: Vec<i64> = Vec::with_capacity(numbers.len() + skipped.len());
    let mut skipped = skipped.iter().peekable();
    for &number in numbers {
        while skipped.next_if(|&&row| row == all.len() as u64).is_some() {
            all.push(-1);
        }
        all.push(number.into());
    }
    all.extend(skipped.map(|_| -1));
    Ok(to.write(&all)?)
}

/// The least, the middle and the largest number of rows of a centroid.
fn sizes(found: &KMeans) -> [u64; 3] {
    let mut sizes = found.counts.clone();
    sizes.sort_unstable();
    let at = |place: usize| sizes.get(place).copied().unwrap_or_default();
    [at(0), at(sizes.len() / 2), at(sizes.len().saturating_sub(1))]
}

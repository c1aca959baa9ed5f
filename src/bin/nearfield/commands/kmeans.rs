//! `nearfield kmeans`.

use crate::args::{Global, KMeansArgs};
use crate::shell::base::Base;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{device, number, output, print, random, skipped, stop};
use nearfield::format::{self, AtomicFile, Conversion, IdWriter};
use nearfield::{DType, Gpu, KMeans, KMeansParams, Matrix, RowSource, Rows, kmeans};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Bytes of rows that are brought to the device at a time.
const BLOCK_BYTES: usize = 32 << 20;

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
    let points = points(&gpu, &mut base, args, &progress)?;
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

/// The rows of the file, or those that are to be read, on the device.
fn points(
    gpu: &Gpu,
    base: &mut Base<'_>,
    args: &KMeansArgs,
    progress: &Progress,
) -> Result<Matrix> {
    let path = &*args.base;
    let about = |e| Failure::about(path, 0, e);
    let (dtype, dim, all) = (base.rows.dtype(), base.rows.dim(), base.rows.row_count());
    let mut points = Matrix::empty(gpu, dtype, dim)?;
    let block = (BLOCK_BYTES / dtype.row_bytes(dim)).max(1);
    if let Some(count) = args.train_rows.filter(|&count| count < all) {
        progress.phase("reading rows", count);
        let (mut bytes, mut done) = (Vec::new(), 0);
        let mut numbers = random::spread(all, count, args.seed).peekable();
        while let Some(row) = numbers.next() {
            bytes.extend_from_slice(base.rows.rows(row..row + 1).map_err(about)?.bytes());
            done += 1;
            if bytes.len() / dtype.row_bytes(dim) == block || numbers.peek().is_none() {
                stop::check()?;
                progress.set(done);
                // for the alignment of every type
                let words: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
                let aligned: &[u8] = bytemuck::cast_slice(&words);
                points = points.append(Rows::from_bytes(dtype, &aligned[..bytes.len()])?)?;
                bytes.clear();
            }
        }
        return Ok(points);
    }
    progress.phase("reading rows", all);
    for start in (0..all).step_by(block) {
        stop::check()?;
        progress.set(start);
        let end = all.min(start + block as u64);
        let mut at = start;
        // those that are skipped are known once they are read
        base.rows.rows(start..end).map_err(about)?;
        let skipped = base.rows.skipped();
        let first = skipped.partition_point(|&row| row < start);
        let ends = skipped[first..].iter().copied().take_while(|&row| row < end);
        let rows = base.rows.rows(start..end).map_err(about)?;
        base.watch.look(start, rows, dim);
        for stop in ends.chain([end]) {
            let part = (at - start) as usize..(stop - start) as usize;
            if !part.is_empty() {
                points = points.append(rows.slice(dim, part))?;
            }
            at = stop + 1;
        }
    }
    base.watch.losses(&base.rows.losses());
    Ok(points)
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

#[cfg(test)]
mod tests {
    use crate::shell::random;

    #[test]
    fn rows_are_spread_over_the_file() {
        for (rows, count) in [(10, 10), (1000, 7), (7, 100), (1_000_000, 1000)] {
            let all: Vec<u64> = random::spread(rows, count, 1).collect();
            assert_eq!(all.len() as u64, count.min(rows), "{rows} {count}");
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]) && all.iter().all(|&r| r < rows));
        }
    }
}

//! `nearfield build`.

use crate::args::{BuildArgs, Global};
use crate::shell::base::Base;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{device, number, output, print, saved, skipped, stop, suspect};
use nearfield::format::{self, Conversion, RowFile, RowList};
use nearfield::{Breadth, Originals, RowSource, Rows, SearchParams};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

pub fn run(args: &BuildArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let (path, out) = (&args.base, &args.out);
    let format = saved::format_of(out)?;
    let more = [args.ids.as_deref(), args.metric.file(), args.train.as_deref()];
    let inputs: Vec<&Path> = [&**path].into_iter().chain(more.into_iter().flatten()).collect();
    output::check_apart(&[out], &inputs)?;
    let to = args.reading.of(Conversion::from(args.dtype).force(args.force));
    let to = (args.dtype, to);
    let mut base = Base::open(path, &args.metric, to, global.quiet)?;
    let rows = base.rows.row_count();
    let ids = args.ids.as_deref().map(|file| ids(file, rows)).transpose()?;
    let train = args.train.as_deref().map(|file| learnt_from(file, to.1, &base)).transpose()?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    let index = match args.originals {
        Originals::None => base.empty(&gpu, &args.index)?,
        kept => base.empty_with(&gpu, &args.index, kept)?,
    };
    format.check(&*index, out)?;
    let about = |e| match &args.ids {
        Some(file) if matches!(e, nearfield::Error::DuplicateId { .. }) => {
            Failure::Work(format!("{}: {e}", file.display()))
        }
        _ => Failure::about(path, 0, e),
    };
    base.train(&*index, train, &progress)?;
    base.add(&*index, ids.as_deref(), &progress).map_err(about)?;
    let skipped = base.rows.skipped();
    // They were added as zeros, so that the others have their ids.
    let of_row = |&row: &u64| ids.as_ref().map_or(row, |ids| ids[row as usize]);
    index.remove(&skipped.iter().map(of_row).collect::<Vec<_>>())?;
    let rows = rows - skipped.len() as u64;
    if let Some(Breadth::Ef { .. }) = index.breadth()
        && let Some(&first) = index.ids().first()
    {
        // what the first search makes goes into the file: the graph, unless there are so few rows that it looks at all
        progress.phase("making the graph", 0);
        let query = index.reconstruct(first)?;
        let params = SearchParams::new().cancel(&stop::token());
        index.search_with(Rows::F32(&query), 1, &params)?;
    }
    progress.phase("writing the index", 0);
    let file = format.write(&*index, out)?;
    stop::name([file], [])?;
    drop(progress);
    let losses = base.rows.losses();
    if let (false, true, 0) = (global.quiet, args.force, losses.rows) {
        suspect::note(path, "--force changed nothing: no row is rounded");
    }
    if !global.quiet {
        skipped::warn(path, &skipped, "");
    }
    let bytes = std::fs::metadata(out).map(|meta| meta.len()).unwrap_or_default();
    let seconds = begin.elapsed().as_secs_f64();
    if args.json {
        let mut summary = json!({
            "command": "build",
            "adapter": gpu.caps().name,
            "base": path.to_string_lossy(),
            "output": out.to_string_lossy(),
            "index": args.index,
            "originals": args.originals.name(),
            "metric": args.metric.to_string(),
            "dtype": index.dtype().name(),
            "dim": index.dim(),
            "rows": rows,
            "bytes": bytes,
            "largest_relative_change": number::json(losses.largest),
            "rows_changed": losses.changed,
            "seconds": number::json(seconds),
        });
        if args.reading.skip_nan {
            summary["skipped"] = json!(skipped);
        }
        return print::after(&[out], print::to_stdout(format_args!("{summary}")));
    }
    if global.quiet {
        return Ok(());
    }
    let (from, to) = (path.display(), out.display());
    let line = format_args!("{rows} rows of {from} in {to}, {bytes} bytes, {seconds:.2} s");
    print::after(&[out], print::to_stdout(line))
}

/// Rows of another file than the base, which have to be like its rows.
fn learnt_from(file: &Path, to: Conversion, base: &Base<'_>) -> Result<RowFile> {
    let rows = format::open(file, to.first(None)).map_err(|e| Failure::about(file, 0, e))?;
    if (rows.dim(), rows.dtype()) != (base.rows.dim(), base.rows.dtype()) {
        let (file, own) = (file.display(), base.rows.path().display());
        let what = |rows: &RowFile| format!("rows of {} {}", rows.dim(), rows.dtype());
        let why = format!("{file}: {}, those of {own} are {}", what(&rows), what(&base.rows));
        return Err(Failure::Work(why));
    }
    Ok(rows)
}

/// The ids of a file, which are as many as the rows.
fn ids(file: &Path, rows: u64) -> Result<Vec<u64>> {
    let mut list = RowList::open_ids(file)?;
    let fail = |why: String| Failure::Work(format!("{}: {why}", file.display()));
    let mut ids = Vec::new();
    while let Some(block) = list.next_ids(usize::MAX)? {
        stop::check()?;
        ids.extend_from_slice(block);
    }
    if ids.len() as u64 != rows {
        return Err(fail(format!("{} ids for {rows} rows", ids.len())));
    }
    let each =
        ids.into_iter().map(|id| u64::try_from(id).map_err(|_| fail(format!("{id} is no id"))));
    each.collect()
}

//! `nearfield search`.

use crate::args::{Global, SearchArgs};
use crate::shell::device;
use crate::shell::failure::Result;
use crate::shell::inputs::{self, Inputs};
use crate::shell::output::HitFiles;
use crate::shell::progress::Progress;
use crate::shell::searched::Searched;
use crate::shell::summary::{Laps, Summary};
use crate::shell::totals::Totals;
use nearfield::{RowSource, SearchParams};
use serde_json::json;
use std::time::Instant;

pub fn run(args: &SearchArgs, global: &Global) -> Result<()> {
    let mut laps = Laps::begin();
    let mut inputs = Inputs::open(&args.common, global.quiet)?;
    let k = usize::try_from(args.k).unwrap_or(usize::MAX);
    let mut files = HitFiles::create(&args.common.out, Some(k), inputs.scaled)?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    laps.end("open");
    let searched = inputs.index(&gpu, &progress)?;
    let mut params = inputs.params()?;
    params.certify = !args.fast;
    laps.end("add");

    let totals = search_all(&mut inputs, &searched, k, params, &progress, &mut files)?;
    inputs.warn_of_losses();
    laps.end("search");
    let outputs = files.finish()?;
    laps.end("finish");
    drop(progress);
    let (asked, inputs, gpu) = (("k", json!(args.k)), &inputs, &gpu);
    let (totals, outputs, laps, streamed) = (&totals, &outputs, &laps, searched.streamed);
    Summary { command: "search", asked, inputs, gpu, streamed, totals, outputs, laps }.print(global)
}

/// Searches for all queries, a block at a time, and writes k places for each.
fn search_all(
    inputs: &mut Inputs<'_>,
    searched: &Searched,
    k: usize,
    mut params: SearchParams,
    progress: &Progress,
    files: &mut HitFiles,
) -> Result<Totals> {
    let no_hit = inputs.metric.order().no_hit();
    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let hits_each = (k as u64).min(inputs.base.row_count()).max(1);
    let most = searched.blocks();
    let step = (most.hits / hits_each).min(most.elements / dim).max(1);
    let mut totals = Totals::default();
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        params.exclude = inputs.excluded(start, end);
        let files_of = inputs.files(start);
        let queries = inputs.block(start, end)?;
        let call = Instant::now();
        let submitted = searched.index.submit(queries, k, &params);
        let hits = searched.answer(submitted, files_of)?;
        totals.add(&hits, call.elapsed());
        for (ids, distances) in inputs::each(&hits) {
            files.write(ids, distances)?;
            files.write_missing(k - ids.len(), no_hit)?;
        }
        start = end;
    }
    Ok(totals)
}

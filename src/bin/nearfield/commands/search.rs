//! `nearfield search`.

use crate::args::{Global, SearchArgs};
use crate::shell::device;
use crate::shell::failure::{Failure, Result};
use crate::shell::inputs::Inputs;
use crate::shell::progress::Progress;
use crate::shell::searched::Searched;
use crate::shell::summary::{self, Laps, Summary};
use crate::shell::target::Target;
use crate::shell::totals::Totals;
use nearfield::{RowSource, SearchParams};
use serde_json::json;
use std::time::Instant;

/// Queries of the first block whose hits are printed, and how much larger each next one is.
const FIRST_PRINTED: u64 = 1024;
const PRINTED_GROWTH: u64 = 4;

pub fn run(args: &SearchArgs, global: &Global) -> Result<()> {
    let mut laps = Laps::begin();
    let mut inputs = Inputs::open(&args.common, global.quiet)?;
    let k = usize::try_from(args.k).unwrap_or(usize::MAX);
    let mut target = inputs.target(Some(k))?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    drop(progress);
    summary::tell_start(&inputs, &gpu, global);
    let progress = Progress::start(global.quiet);
    laps.end("open");
    let searched = inputs.index(&gpu, &progress)?;
    let mut params = inputs.params()?;
    if args.fast {
        if args.common.param.iter().any(|param| param.name == "certify") {
            return Err(Failure::Usage("--fast is --param certify=0: one of them will do".into()));
        }
        params.certify = false;
    }
    laps.end("add");

    let totals = search_all(&mut inputs, &searched, k, params, &progress, &mut target)?;
    inputs.warn_of_losses();
    if let Some(all) = inputs.hits_each(k) {
        inputs.warn_of_few(totals.few, all);
    }
    laps.end("search");
    let outputs = target.finish()?;
    laps.end("finish");
    drop(progress);
    let (asked, inputs, gpu) = (("k", json!(args.k)), &inputs, &gpu);
    let (totals, outputs, laps, streamed) = (&totals, &outputs, &laps, searched.streamed);
    Summary { command: "search", asked, inputs, gpu, streamed, totals, outputs, laps }.print(global)
}

/// Searches for all queries, a block at a time, and hands on the hits of each.
fn search_all(
    inputs: &mut Inputs<'_>,
    searched: &Searched,
    k: usize,
    mut params: SearchParams,
    progress: &Progress,
    target: &mut Target,
) -> Result<Totals> {
    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let hits_each = (k as u64).min(inputs.source.row_count()).max(1);
    let most = searched.blocks();
    let most_step = (most.hits / hits_each).min(most.elements / dim).max(1);
    // Lines are wanted soon, and where the rows are on the device a small block costs little more than its share.
    let soon = target.is_printed() && !searched.streamed;
    let mut step = if soon { most_step.min(FIRST_PRINTED) } else { most_step };
    let mut totals = Totals::default();
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        params.exclude = inputs.excluded(start, end);
        let queries = inputs.block(start, end)?;
        let call = Instant::now();
        let submitted = searched.index.submit(queries, k, &params);
        let hits = searched.answer(submitted, inputs.files(start))?;
        let found = inputs.each(&hits, start);
        let counted = found.iter().map(|(ids, _)| ids.len() as u64).sum();
        totals.add(&hits, counted, call.elapsed());
        if let Some(all) = inputs.hits_each(k) {
            totals.few += found.iter().filter(|(ids, _)| ids.len() < all).count() as u64;
        }
        target.begin_block(progress);
        for (ids, distances) in found {
            target.write(ids, distances)?;
        }
        target.end_block()?;
        step = most_step.min(step * PRINTED_GROWTH);
        start = end;
    }
    Ok(totals)
}

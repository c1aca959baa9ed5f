//! `nearfield search`.

use crate::args::{Global, SearchArgs};
use crate::failure::{Failure, Result};
use crate::inputs::{self, Inputs};
use crate::output::HitFiles;
use crate::progress::Progress;
use crate::report::{Laps, Summary};
use crate::totals;
use nearfield::{RowSource, SearchStats};
use serde_json::json;

/// Most hits, and most elements of queries, that are in host memory at once.
const BLOCK_HITS: u64 = 4 << 20;
const BLOCK_ELEMENTS: u64 = 8 << 20;

pub fn run(args: &SearchArgs, global: &Global) -> Result<()> {
    let mut laps = Laps::begin();
    let mut inputs = Inputs::open(&args.common)?;
    let no_hit = inputs.metric.order().no_hit();
    let k = usize::try_from(args.k).unwrap_or(usize::MAX);
    let mut files = HitFiles::create(&args.common.out, Some(k))?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = inputs::open_gpu(global)?;
    laps.end("open");
    let index = inputs.index(&gpu, &progress)?;
    let mut params = inputs.params()?;
    laps.end("add");

    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let hits_each = args.k.min(inputs.base.row_count()).max(1);
    let step = (BLOCK_HITS / hits_each).min(BLOCK_ELEMENTS / dim).max(1);
    let (mut stats, mut found) = (SearchStats::default(), 0);
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        let queries = inputs.block(start, end)?;
        let hits = index.search_with(queries, k, &params);
        let hits = hits.map_err(|e| Failure::about(&args.common.query, start, e))?;
        for (ids, distances) in inputs::each(&hits) {
            files.write(ids, distances)?;
            files.write_missing(k - ids.len(), no_hit)?;
            found += ids.len() as u64;
        }
        totals::add(&mut stats, hits.stats());
        start = end;
    }
    laps.end("search");
    let outputs = files.finish()?;
    laps.end("finish");
    drop(progress);
    let (asked, inputs, gpu) = (("k", json!(args.k)), &inputs, &gpu);
    let (stats, hits, outputs, laps) = (&stats, found, &outputs, &laps);
    Summary { command: "search", asked, inputs, gpu, stats, hits, outputs, laps }.print(global)
}

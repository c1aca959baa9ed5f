//! `nearfield search`.

use crate::args::{Global, SearchArgs};
use crate::failure::Result;
use crate::inputs::{self, Inputs};
use crate::output::HitFiles;
use crate::progress::Progress;
use crate::report::{Laps, Summary};
use crate::totals;
use nearfield::{RowSource, SearchStats};
use serde_json::json;

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
    let searched = inputs.index(&gpu, &progress, global.quiet)?;
    let mut params = inputs.params()?;
    params.certify = !args.fast;
    laps.end("add");

    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let hits_each = args.k.min(inputs.base.row_count()).max(1);
    let most = searched.blocks();
    let step = (most.hits / hits_each).min(most.elements / dim).max(1);
    let (mut stats, mut found) = (SearchStats::default(), 0);
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        let files_of = inputs.files(start);
        let submitted = searched.index.submit(inputs.block(start, end)?, k, &params);
        let hits = searched.answer(submitted, files_of)?;
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
    let streamed = searched.streamed;
    Summary { command: "search", asked, inputs, gpu, streamed, stats, hits, outputs, laps }
        .print(global)
}

//! `nearfield range`.

use crate::args::{Global, RangeArgs};
use crate::failure::Result;
use crate::inputs::{self, Inputs};
use crate::output::{self, HitFiles, Output};
use crate::progress::Progress;
use crate::report::{Laps, Summary};
use crate::totals;
use nearfield::{RowSource, SearchStats};
use serde_json::json;

pub fn run(args: &RangeArgs, global: &Global) -> Result<()> {
    let mut laps = Laps::begin();
    let mut inputs = Inputs::open(&args.common)?;
    let mut lims = Output::<u64>::create(&args.common.out, "lims", None)?;
    let mut files = HitFiles::create(&args.common.out, None)?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = inputs::open_gpu(global)?;
    laps.end("open");
    let searched = inputs.index(&gpu, &progress, global.quiet)?;
    let mut params = inputs.params()?;
    laps.end("add");

    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let blocks = searched.blocks();
    let most = (blocks.elements / dim).max(1);
    let mut step = blocks.first.min(most);
    // Before there is any, a 4096th of the rows; where a small block costs as much as a large one, what the first has.
    let mut most_hits = if searched.streamed { 1 } else { inputs.base.row_count() >> 12 }.max(1);
    let (mut stats, mut found) = (SearchStats::default(), 0);
    lims.write(&[0])?;
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        let files_of = inputs.files(start);
        let submitted =
            searched.index.submit_range(inputs.block(start, end)?, args.radius, &params);
        let hits = searched.answer(submitted, files_of)?;
        for (ids, distances) in inputs::each(&hits) {
            files.write(ids, distances)?;
            found += ids.len() as u64;
            most_hits = most_hits.max(ids.len() as u64);
            lims.write(&[found])?;
        }
        totals::add(&mut stats, hits.stats());
        // How many hits there will be is known only from those before: the next block is at most so many times as large,
        // and allows each query as many as the most so far.
        step = (blocks.hits / most_hits).min(blocks.growth * step).clamp(1, most);
        start = end;
    }
    laps.end("search");
    let outputs = output::finish(lims, files)?;
    laps.end("finish");
    drop(progress);
    let (asked, inputs, gpu) = (("radius", json!(args.radius)), &inputs, &gpu);
    let (stats, hits, outputs, laps) = (&stats, found, &outputs, &laps);
    let streamed = searched.streamed;
    Summary { command: "range", asked, inputs, gpu, streamed, stats, hits, outputs, laps }
        .print(global)
}

//! `nearfield range`.

use crate::args::{Global, RangeArgs};
use crate::shell::device;
use crate::shell::failure::Result;
use crate::shell::inputs::Inputs;
use crate::shell::number;
use crate::shell::progress::Progress;
use crate::shell::scaled::Scaled;
use crate::shell::searched::Searched;
use crate::shell::summary::{self, Laps, Summary};
use crate::shell::target::Target;
use crate::shell::totals::Totals;
use nearfield::{RowSource, SearchParams};
use std::time::Instant;

pub fn run(args: &RangeArgs, global: &Global) -> Result<()> {
    let mut laps = Laps::begin();
    let mut inputs = Inputs::open(&args.common, global.quiet)?;
    let mut target = inputs.target(None)?;

    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    drop(progress);
    summary::tell_start(&inputs, &gpu, global);
    let progress = Progress::start(global.quiet);
    laps.end("open");
    let searched = inputs.index(&gpu, &progress)?;
    let params = inputs.params()?;
    laps.end("add");

    let radius = inputs.scaled.radius(args.radius, inputs.source.metric().order());
    let radius = (args.radius, radius);
    let totals = search_all(&mut inputs, &searched, radius, params, &progress, &mut target)?;
    inputs.warn_of_losses();
    laps.end("search");
    let outputs = target.finish()?;
    laps.end("finish");
    drop(progress);
    let (asked, inputs, gpu) = (("radius", number::json(args.radius)), &inputs, &gpu);
    let (totals, outputs, laps, streamed) = (&totals, &outputs, &laps, searched.streamed);
    Summary { command: "range", asked, inputs, gpu, streamed, totals, outputs, laps }.print(global)
}

/// Searches for all queries, a block at a time, and writes what each has within the radius: the one of the values in the files,
/// and that of the rows as they are searched.
fn search_all(
    inputs: &mut Inputs<'_>,
    searched: &Searched,
    (asked, radius): (f64, f32),
    mut params: SearchParams,
    progress: &Progress,
    target: &mut Target,
) -> Result<Totals> {
    let (scaled, order) = (inputs.scaled, inputs.source.metric().order());
    let (count, dim) = (inputs.queries.row_count(), inputs.queries.dim() as u64);
    let blocks = searched.blocks();
    let most = (blocks.elements / dim).max(1);
    let mut step = blocks.first.min(most);
    // Before there is any, a 4096th of the rows; where a small block costs as much as a large one, what the first has.
    let mut most_hits = if searched.streamed { 1 } else { inputs.source.row_count() >> 12 }.max(1);
    let mut totals = Totals::default();
    progress.phase("searching", count);
    let mut start = 0;
    while start < count {
        let end = (start + step).min(count);
        params.progress = Some(progress.reporter(start, end));
        params.exclude = inputs.excluded(start, end);
        let queries = inputs.block(start, end)?;
        let call = Instant::now();
        let submitted = searched.index.submit_range(queries, radius, &params);
        let hits = searched.answer(submitted, inputs.files(start))?;
        let found = inputs.each(&hits, start);
        let counted = found.iter().map(|(ids, _)| ids.len() as u64).sum();
        totals.add(&hits, counted, call.elapsed());
        target.begin_block(progress);
        for (ids, distances) in found {
            let within =
                |distance: f32| scaled == Scaled::NONE || scaled.within(distance, asked, order);
            if distances.iter().all(|&d| within(d)) {
                target.write(ids, distances)?;
            } else {
                let hits = ids.iter().zip(distances).filter(|hit| within(*hit.1));
                let (kept, distances): (Vec<u64>, Vec<f32>) = hits.unzip();
                totals.hits -= (ids.len() - kept.len()) as u64;
                target.write(&kept, &distances)?;
            }
            most_hits = most_hits.max(ids.len() as u64);
        }
        target.end_block()?;
        // How many hits there will be is known only from those before: the next block is at most so many times as large,
        // and allows each query as many as the most so far.
        step = (blocks.hits / most_hits).min(blocks.growth * step).clamp(1, most);
        start = end;
    }
    Ok(totals)
}

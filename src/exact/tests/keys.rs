//! The two kernels of a user's metric: what the tile says of a bin against what `distance.rs` says, and what comes of it where they do not
//! agree.

use super::{Once, random};
use crate::call::{EachFilter, Filter, Options, SharedFilter, mask_words};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::exact::dataset::Dataset;
use crate::exact::exact_bins::ExactBins;
use crate::exact::filter::DeviceFilter;
use crate::exact::key_tile::{KeyTile, Spoiled};
use crate::exact::plan::{Asked, Plan};
use crate::exact::queries::Queries;
use crate::exact::search::submit_search;
use crate::kernel::{Encoder, words};
use crate::metric::{Metric, Order};
use half::f16;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

const N: usize = 700;
const NQ: usize = 75;

/// Segments of some bins: an odd number of them, an even one, a single one; and blocks that are smaller than they.
fn open() -> Option<Gpu> {
    let builder = Gpu::test_builder().poison(true).max_segment_bytes(18_000);
    let builder = builder.setting("kernel.scan.min_rows", 0);
    let builder = builder.setting("kernel.scan.max_row_queries", 0);
    let gpu = builder.setting("submit.max_ms", 1).build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

fn metric(body: &str, order: Order) -> Metric {
    let accumulate = format!("fn accumulate(acc: f32, q: f32, x: f32) -> f32 {{ {body} }}\n");
    let finish = "fn finish(acc: f32, d: u32) -> f32 { return acc / (1.0 + f32(d)); }";
    Metric::wgsl(accumulate + finish, 0.25, order)
}

fn dataset(gpu: &Gpu, metric: &Metric, rows: Rows<'_>, dim: usize) -> Dataset {
    let empty = Dataset::new(gpu, metric, rows.dtype(), dim).unwrap();
    empty.append(&mut Once(Some(rows), dim)).unwrap()
}

/// A third of the rows for all queries, and of these half for each.
fn filter(both: bool) -> Filter {
    let words = mask_words(N as u64);
    let some = |at: usize| if at % 3 == 1 { 0 } else { 0xfff0_f0ff };
    let shared = Some(SharedFilter::Words((0..words).map(some).collect()));
    let each = |at: usize| 0x5555_5555u32.rotate_left((at / words) as u32) ^ (at % words) as u32;
    let each = both.then(|| EachFilter::Words((0..words * NQ).map(each).collect()));
    Filter { shared, each }
}

/// The best key of each bin for each query.
fn bin_best(dataset: &Dataset, queries: Rows<'_>, filter: Filter, tiled: bool) -> Vec<u32> {
    let gpu = dataset.gpu();
    let queries = Queries::new(dataset, queries).unwrap();
    let mut filter = DeviceFilter::new(dataset.compared(), filter, queries.count).unwrap();
    filter.prepare(dataset.compared()).unwrap();
    let plan =
        Plan::new(gpu, dataset, &queries, &filter, Asked::Nearest(5), &Options::default()).unwrap();
    let ids: Vec<u32> = (0..queries.count as u32).collect();
    let mut encoder = Encoder::new(gpu, "bins", false).unwrap();
    let upload = queries.upload(dataset, &ids, false, &mut encoder).unwrap();
    let bitmap = filter.bitmap(&ids, &mut encoder).unwrap();
    let tile = KeyTile::of(gpu, &queries.pair, upload.count, &plan.scan).unwrap();
    assert!(tile.is_some());
    let mut bins = ExactBins::new(dataset, upload, bitmap, tile.filter(|_| tiled)).unwrap();
    let biases = filter.biases.as_deref();
    while !bins.score(&mut encoder, dataset, biases, &queries, &plan).unwrap() {}
    let flight = encoder.submit(&[(&bins.bin_best, 0, bins.bin_best.size())]).unwrap();
    words(&flight.wait().unwrap().parts[0]).to_vec()
}

/// Steps that compilers may round in more than one way, the last two in another one where the tile shares q q or x x.
const STEPS: [&str; 6] = [
    "return acc + abs(q - x);",
    "return acc + (q - x) * (q - x);",
    "return acc * 0.99 + q * x;",
    "return select(max(acc, q * x), acc + 0.3 * (q - x) / (1.0 + abs(x)), q > x);",
    "return acc + abs(q * q - x);",
    "return acc + abs(q - x * x);",
];

#[test]
fn both_kernels_give_every_bin_the_same_key() {
    let few = std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise");
    let Some(gpu) = open() else { return };
    let mut segments = BTreeSet::new();
    for (length, dim) in [1, 3, 4, 7, 32, 66].into_iter().enumerate() {
        let (base, asked) = (random(N * dim, 1), random(NQ * dim, 2));
        let halves: Vec<f16> = base.iter().map(|&x| f16::from_f32(x)).collect();
        let bytes: Vec<i8> = base.iter().map(|&x| (x * 100.0) as i8).collect();
        for (at, step) in STEPS.into_iter().enumerate() {
            // some drivers are slow: there half of the steps, each with half of the lengths
            if few && (at % 2 != 0 || (at / 4 + length) % 2 == 0) {
                continue;
            }
            let order = if at % 4 < 2 { Order::Ascending } else { Order::Descending };
            let metric = metric(step, order);
            let rows = match at % 3 {
                0 => Rows::F32(&base),
                1 => Rows::F16(&halves),
                _ => Rows::I8(&bytes),
            };
            let dataset = dataset(&gpu, &metric, rows, dim);
            segments.extend(dataset.compared().segments().map(|(segment, _)| segment.rows()));
            for filter in [Filter::default(), filter(false), filter(true)] {
                let of = |tiled| bin_best(&dataset, Rows::F32(&asked), filter.clone(), tiled);
                let (tile, distance) = (of(true), of(false));
                assert!(tile.iter().any(|key| *key != tile[0]) && !tile.is_empty());
                let other = tile.iter().zip(&distance).filter(|(a, b)| a != b).count();
                println!("{step} d = {dim}: {other} of {} keys differ", tile.len());
                // where a product may be fused a driver may differ, and a search then says so
                assert!(other == 0 || step.contains('*'), "{step}, d = {dim}");
            }
        }
    }
    println!("segments of {segments:?} rows");
    assert!(segments.contains(&64) && segments.contains(&192) && segments.contains(&(N as u32)));
}

#[test]
fn kernels_that_do_not_agree_are_noticed_and_the_definition_answers() {
    let dim = 9;
    let Some(gpu) = open() else { return };
    let (base, asked) = (random(N * dim, 3), random(NQ * dim, 4));
    let metric = metric(STEPS[0], Order::Ascending);
    let dataset = dataset(&gpu, &metric, Rows::F32(&base), dim);
    let run = |exhaustive| {
        let options = Options { exhaustive, ..Options::default() };
        let pending = submit_search(&dataset, Rows::F32(&asked), 4, Filter::default(), options);
        let hits = pending.unwrap().wait().unwrap();
        let tiled = hits.stats.variants.iter().any(|v| v.starts_with("scan_key"));
        ((hits.ids, hits.distances), tiled, hits.stats.exact)
    };
    let (expected, ..) = run(true);
    let (hits, tiled, stats) = run(false);
    assert_eq!((hits, tiled, stats.rerun), (expected.clone(), true, 0));

    gpu.state::<Spoiled>().unwrap().0.store(true, Ordering::Relaxed);
    let (hits, tiled, stats) = run(false);
    assert_eq!((hits, tiled), (expected.clone(), true));
    assert_eq!((stats.scanned, stats.rerun), (NQ as u64, NQ as u64));
    assert_eq!((stats.bins_passed, stats.bins_passed_max), (4 * NQ as u64, 4));
    // and it is not tried again
    let (hits, tiled, stats) = run(false);
    assert_eq!((hits, tiled, stats.rerun), (expected, false, 0));
}

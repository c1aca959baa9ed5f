//! Small searches and the operations beside them, on whatever adapter there is: a few minutes on a software driver.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, SearchParams, pairwise, row_norms};
use std::time::Duration;

const N: usize = 20_000;
const D: usize = 64;
/// Rows whose distances all go back to the host.
const PAIRWISE_ROWS: usize = 2_000;

fn rows(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    (0..count * D).map(|_| next()).collect()
}

fn gpu() -> Option<Gpu> {
    Gpu::new().map_err(|e| println!("skipped: {e} (1)")).ok()
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group
}

/// Which kernel ran stands in the name of the benchmark.
fn kernel(variants: &[String]) -> String {
    variants.first().cloned().unwrap_or_default()
}

fn searches(criterion: &mut Criterion) {
    let Some(gpu) = gpu() else { return };
    let (base, queries) = (rows(N, 1), rows(100, 2));
    for metric in [Metric::L2, Metric::Cosine, Metric::L1] {
        let index = Flat::new(&gpu, D, metric.clone()).expect("an index");
        index.add(&base).expect("rows");
        let mut group = group(criterion, &format!("search {metric} {N} x {D}, k = 10"));
        for count in [1, 10, 100] {
            let queries = Rows::F32(&queries[..count * D]);
            let params = SearchParams::new();
            let hits = index.search_with(queries, 10, &params).expect("hits");
            group.throughput(Throughput::Elements(count as u64));
            let name = BenchmarkId::new(kernel(&hits.stats().variants), count);
            group.bench_function(name, |bencher| {
                bencher.iter(|| index.search_with(queries, 10, &params).expect("hits"));
            });
        }
        group.finish();
    }
}

fn ranges(criterion: &mut Criterion) {
    let Some(gpu) = gpu() else { return };
    let (base, queries) = (rows(N, 1), rows(100, 2));
    let index = Flat::new(&gpu, D, Metric::L2).expect("an index");
    index.add(&base).expect("rows");
    // the distance of the tenth neighbour of the first query: about ten hits for each
    let nearest = index.search(&queries[..D], 10).expect("hits");
    let radius = nearest.distances().last().copied().unwrap_or_default();
    let mut group = group(criterion, &format!("range l2 {N} x {D}"));
    for count in [1, 100] {
        let queries = &queries[..count * D];
        let hits = index.range_search(queries, radius).expect("hits");
        group.throughput(Throughput::Elements(count as u64));
        let name = BenchmarkId::new(kernel(&hits.stats().variants), count);
        group.bench_function(name, |bencher| {
            bencher.iter(|| index.range_search(queries, radius).expect("hits"));
        });
    }
    group.finish();
}

/// The rows are uploaded each time: these operations keep nothing on the device.
fn operations(criterion: &mut Criterion) {
    let Some(gpu) = gpu() else { return };
    let (base, queries) = (rows(N, 1), rows(100, 2));
    let queries = Rows::F32(&queries);
    let mut group = group(criterion, "operations");
    for metric in [Metric::L2, Metric::L1] {
        let some = Rows::F32(&base[..PAIRWISE_ROWS * D]);
        group.throughput(Throughput::Elements((100 * PAIRWISE_ROWS) as u64));
        let name = BenchmarkId::new("pairwise", format!("{metric} 100 x {PAIRWISE_ROWS} x {D}"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| pairwise(&gpu, &metric, queries, some, D).expect("distances"));
        });
    }
    group.throughput(Throughput::Bytes((base.len() * 4) as u64));
    group.bench_function(BenchmarkId::new("row_norms", format!("{N} x {D}")), |bencher| {
        bencher.iter(|| row_norms(&gpu, Rows::F32(&base), D).expect("norms"));
    });
    group.finish();
}

criterion_group!(benches, searches, ranges, operations);
criterion_main!(benches);

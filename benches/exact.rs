//! Exact search and all distances, small, on whatever adapter there is: a minute or two on a software driver.

mod common;

use common::{D, N, gpu, group, rows};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nearfield::{Flat, Index, Metric, Rows, Search, SearchParams, pairwise};

/// Rows whose distances all go back to the host.
const PAIRWISE_ROWS: usize = 2_000;

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
    // The distance of the first query's tenth neighbour: about ten hits for each query.
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

/// All distances; the rows are uploaded each time, since nothing of them is kept on the device.
fn distances(criterion: &mut Criterion) {
    let Some(gpu) = gpu() else { return };
    let (base, queries) = (rows(PAIRWISE_ROWS, 1), rows(100, 2));
    let mut group = group(criterion, &format!("pairwise 100 x {PAIRWISE_ROWS} x {D}"));
    group.throughput(Throughput::Elements((100 * PAIRWISE_ROWS) as u64));
    for metric in [Metric::L2, Metric::L1] {
        group.bench_function(metric.to_string(), |bencher| {
            let (queries, base) = (Rows::F32(&queries), Rows::F32(&base));
            bencher.iter(|| pairwise(&gpu, &metric, queries, base, D).expect("distances"));
        });
    }
    group.finish();
}

criterion_group!(benches, searches, ranges, distances);
criterion_main!(benches);

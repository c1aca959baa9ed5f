//! Small searches, on whatever adapter there is.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nearfield::{Flat, Gpu, Index, Metric, Rows, SearchParams};

const N: usize = 20_000;
const D: usize = 64;

fn rows(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    (0..count * D).map(|_| next()).collect()
}

fn searches(criterion: &mut Criterion) {
    let gpu = match Gpu::new() {
        Ok(gpu) => gpu,
        Err(e) => return println!("skipped: {e} (1)"),
    };
    let (base, queries) = (rows(N, 1), rows(100, 2));
    for metric in [Metric::L2, Metric::Cosine, Metric::L1] {
        let index = Flat::new(&gpu, D, metric.clone()).expect("an index");
        index.add(&base).expect("rows");
        let mut group = criterion.benchmark_group(format!("search {metric} {N} x {D}, k = 10"));
        group.sample_size(10);
        for count in [1, 10, 100] {
            let queries = Rows::F32(&queries[..count * D]);
            let params = SearchParams::new();
            // which kernel ran stands in the name of the benchmark
            let hits = index.search_with(queries, 10, &params).expect("hits");
            let kernel = hits.stats().variants.first().cloned().unwrap_or_default();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(kernel, count), |bencher| {
                bencher.iter(|| index.search_with(queries, 10, &params).expect("hits"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);

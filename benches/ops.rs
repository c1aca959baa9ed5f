//! Operations on matrices, on whatever adapter there is: seconds on a software driver.
//!
//! The rows are uploaded each time: these operations keep nothing on the device.

mod common;

use common::{D, N, gpu, group, rows};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nearfield::{Rows, normalize, row_norms};

fn norms(criterion: &mut Criterion) {
    let Some(gpu) = gpu() else { return };
    let base = rows(N, 1);
    let mut group = group(criterion, "norms");
    group.throughput(Throughput::Bytes((base.len() * 4) as u64));
    group.bench_function(BenchmarkId::new("row_norms", format!("{N} x {D}")), |bencher| {
        bencher.iter(|| row_norms(&gpu, Rows::F32(&base), D).expect("norms"));
    });
    group.bench_function(BenchmarkId::new("normalize", format!("{N} x {D}")), |bencher| {
        bencher.iter(|| normalize(&gpu, Rows::F32(&base), D).expect("rows of norm 1"));
    });
    group.finish();
}

criterion_group!(benches, norms);
criterion_main!(benches);

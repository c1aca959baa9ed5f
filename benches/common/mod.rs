//! What the benchmarks share: rows, the adapter, and how long they take.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use nearfield::Gpu;
use std::time::Duration;

pub const N: usize = 20_000;
pub const D: usize = 64;

/// Numbers of [0, 1), the same for a seed.
pub fn rows(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    (0..count * D).map(|_| next()).collect()
}

/// The adapter; `None` where there is none, which is printed.
pub fn gpu() -> Option<Gpu> {
    Gpu::new().map_err(|e| println!("skipped: {e} (1)")).ok()
}

/// A group whose benchmarks take four seconds each.
pub fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group
}

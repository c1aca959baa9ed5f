//! The one order in which 32 partial sums are added: every kernel and the host must give the same bits.

use crate::harness::{Job, run};
use minijinja::context;

pub const KERNEL: &str = r#"
{% set small = "arrayLength(&parts)" %}
{% include library("tree") %}
@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x * 8u;
  sums[id.x] = tree8(parts[i], parts[i + 1u], parts[i + 2u], parts[i + 3u], parts[i + 4u], parts[i + 5u], parts[i + 6u], parts[i + 7u]);
}
"#;

/// Neighbours in pairs: of eight vectors element by element, then of the four elements.
fn tree(parts: &[f32]) -> f32 {
    let mut sums = parts.to_vec();
    while sums.len() > 4 {
        let added = sums.chunks_exact(8).flat_map(|two| (0..4).map(|i| two[i] + two[i + 4]));
        sums = added.collect();
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

#[test]
fn sums_are_those_of_the_host_to_the_bit() {
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 40
    };
    // Magnitudes over 24 binary orders and both signs, so that every other order of adding rounds differently.
    let parts: Vec<f32> = (0..1024 * 32)
        .map(|_| {
            let (value, exponent) = (next() as f32 / 16_777_216.0 + 0.5, (next() % 24) as i32);
            let sign = if next() % 2 == 0 { 1.0 } else { -1.0 };
            sign * value * 2f32.powi(exponent)
        })
        .collect();
    let expected: Vec<f32> = parts.chunks_exact(32).map(tree).collect();
    let in_order = parts.chunks_exact(32).map(|p| p.iter().sum::<f32>());
    let differ = in_order.zip(&expected).filter(|(a, b)| a != *b).count();
    assert!(differ > 512, "only {differ} of 1024 sums depend on the order: no test of it");
    let job = Job {
        text: KERNEL,
        constants: context! {},
        inputs: &[bytemuck::cast_slice(&parts)],
        output: 1024,
        workgroups: 16,
    };
    for (how, sums) in run(&job) {
        for (i, (got, expected)) in sums.iter().zip(&expected).enumerate() {
            assert_eq!(*got, expected.to_bits(), "{how}, sum {i}: {expected:e}");
        }
    }
}

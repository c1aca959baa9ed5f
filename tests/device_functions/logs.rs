//! The logarithms of a row's elements against f64, and which elements are 0.

use crate::harness::{Job, run};
use minijinja::context;

/// A thread has a group of four elements: of each its logarithm, then of each whether it is 0.
pub const KERNEL: &str = r#"
@group(0) @binding(0) var<storage, read> groups: array<vec4<f32>>;
struct Shape { dim: u32 }
@group(0) @binding(1) var<storage, read> p: Shape;
@group(0) @binding(2) var<storage, read_write> found: array<vec4<f32>>;
{% include library("log") %}
{% include library("logs") %}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&groups)) { return; }
  let v = groups[id.x];
  found[id.x * 2u] = logs_of(v);
  found[id.x * 2u + 1u] = select(vec4<f32>(0.0), vec4<f32>(1.0), zeros_of(v, id.x));
}
"#;

/// As of `ln`.
const ULPS: f64 = 3.0;

#[test]
fn logarithms_keep_subnormal_elements_and_zeros_have_none() {
    // of one row, whose last groups are padding
    let (dim, padding) = (4_001, 7);
    let mut row: Vec<f32> = (0..dim as u32)
        .map(|i| match i % 5 {
            0 => f32::from_bits(1 + i * 2_000),
            1 => 1.0 + i as f32 / 1e7,
            // whose exponent is next to that of 0
            2 => f32::MIN_POSITIVE * (1.0 + i as f32),
            3 => [0.0, -0.0, 1.0, f32::MAX][i as usize % 4],
            _ => f32::from_bits(0x0080_0000 + i * 500_000),
        })
        .collect();
    row.resize(dim + padding, 0.0);
    let job = Job {
        text: KERNEL,
        constants: context! {},
        inputs: &[bytemuck::cast_slice(&row), &[dim as u32]],
        output: row.len() * 2,
        workgroups: row.len().div_ceil(1024) as u32,
    };
    for (how, found) in run(&job) {
        for (i, (&x, found)) in row.iter().zip(found_of(&found)).enumerate() {
            let (log, zero) = found;
            let exact = if x == 0.0 { 0.0 } else { f64::from(x).ln() };
            let ulp = (exact.abs().max(1e-30).log2().floor() - 23.0).exp2();
            let off = (f64::from(log) - exact).abs() / ulp;
            assert!(off <= ULPS, "{how}: ln {x:e} is {log:e}, exactly {exact:e}: {off} ulp");
            assert_eq!(zero, x == 0.0 && i < dim, "{how}: element {i} is {x:e}");
        }
    }
}

/// Of each element its logarithm, and whether it is 0.
fn found_of(words: &[u32]) -> impl Iterator<Item = (f32, bool)> {
    words.chunks_exact(8).flat_map(|group| {
        (0..4).map(|i| (f32::from_bits(group[i]), f32::from_bits(group[4 + i]) == 1.0))
    })
}

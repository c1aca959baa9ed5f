//! The largest magnitude of a row, found by the eight threads that share it.

use crate::harness::{Job, run};
use half::f16;
use minijinja::context;

/// One workgroup has 64 rows, 32 at a time: the second call must not meet what the first left in workgroup memory.
pub const KERNEL: &str = r#"
{% include library("rows") %}
struct Shape { k4: u32, stride4: u32 }
@group(0) @binding(1) var<storage, read> p: Shape;
@group(0) @binding(2) var<storage, read_write> found: array<f32>;
{% include library("largest") %}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  for (var side = 0u; side < 64u; side += 32u) {
    let row = wg.x * 64u + side + t / 8u;
    // all eight must have it, so each writes
    let most = largest_of(t, row);
    found[row * 8u + t % 8u] = {{ "least_of(most)" if least else "most" }};
  }
}
"#;

const ROWS: usize = 128;

fn check(dtype: &str, k4: usize, words: &[u32], expected: &[f32]) {
    let job = Job {
        text: KERNEL,
        constants: context! { dtype, least => false },
        inputs: &[words, &[k4 as u32, k4 as u32]],
        output: ROWS * 8,
        workgroups: (ROWS / 64) as u32,
    };
    for (how, found) in run(&job) {
        for (row, (found, expected)) in found.chunks_exact(8).zip(expected).enumerate() {
            let what = format!("{how}, {dtype}, {k4} groups, row {row}");
            assert!(
                found.iter().all(|&f| f == expected.to_bits()),
                "{what}: {found:x?}, {expected:e}"
            );
        }
    }
}

/// The largest stands in another column of each row, below zero in every second, and later rows have less, so that what
/// an earlier row left would be found.
fn value(row: usize, column: usize, dim: usize) -> f32 {
    if column == row * 7 % dim {
        let most = 100.0 - row as f32 / 4.0;
        return if row.is_multiple_of(2) { most } else { -most };
    }
    ((row * 31 + column * 17) % 50) as f32 - 25.0
}

#[test]
fn every_thread_of_a_row_has_its_largest_element() {
    // fewer groups than threads, as many, and more
    for k4 in [1, 8, 19] {
        let dim = k4 * 4;
        let rows: Vec<f32> = (0..ROWS * dim).map(|i| value(i / dim, i % dim, dim)).collect();
        let largest = |row: &[f32]| row.iter().fold(0f32, |most, v| most.max(v.abs()));
        let expected: Vec<f32> = rows.chunks_exact(dim).map(largest).collect();
        check("f32", k4, bytemuck::cast_slice(&rows), &expected);
    }
}

#[test]
fn rows_of_zeros_and_narrow_types_have_theirs() {
    check("f32", 3, &vec![0; ROWS * 12], &[0.0; ROWS]);
    // the most negative i8 has no positive twin
    let bytes: Vec<i8> =
        (0..ROWS * 12).map(|i| if i % 12 == i / 12 % 12 { -128 } else { 127 }).collect();
    check("i8", 3, bytemuck::cast_slice(&bytes), &[128.0; ROWS]);
    // subnormals of f16
    let halves: Vec<f16> =
        (0..ROWS * 12).map(|i| f16::from_bits(((i / 12) as u16 + 1) | 0x8000)).collect();
    let expected: Vec<f32> = (0..ROWS).map(|row| f16::from_bits(row as u16 + 1).to_f32()).collect();
    check("f16", 3, bytemuck::cast_slice(&halves), &expected);
}

/// (2^-126 factor)^2, the factor being the power of two that brings the largest element into [1, 2): 1 where that is below
/// 2^-125, and 0 where f32 does not hold it.
#[test]
fn the_square_of_the_shortest_length_follows_the_largest_element() {
    let most = |row: usize| 2f32.powi(row as i32 * 2 - 149) * 1.5;
    let rows: Vec<f32> = (0..ROWS).flat_map(|row| [most(row), 0.0, -most(row), 0.0]).collect();
    let job = Job {
        text: KERNEL,
        constants: context! { dtype => "f32", least => true },
        inputs: &[bytemuck::cast_slice(&rows), &[1, 1]],
        output: ROWS * 8,
        workgroups: (ROWS / 64) as u32,
    };
    for (how, found) in run(&job) {
        for (row, found) in found.chunks_exact(8).enumerate() {
            let exponent = f64::from(most(row)).log2().floor().max(-126.0);
            let square = 2f64.powf(2.0 * (-126.0 - exponent));
            let expected = if square < f64::from(f32::MIN_POSITIVE) { 0.0 } else { square as f32 };
            assert!(found.iter().all(|&f| f == expected.to_bits()), "{how}, row {row}: {found:x?}");
        }
    }
}

//! The norm of a row, by the eight threads that share it, over the whole range of rows that an index takes.

use crate::harness::{Job, run};
use minijinja::context;

pub const KERNEL: &str = r#"
{% include library("rows") %}
{% set small = "p.k4" %}
{% include library("tree") %}
struct Shape { k4: u32, stride4: u32 }
@group(0) @binding(1) var<storage, read> p: Shape;
@group(0) @binding(2) var<storage, read_write> found: array<f32>;
{% include library("largest") %}
{% include library("norm") %}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = wg.x * 32u + t / 8u;
  let norm = norm_of(t, row);
  // all eight must have it, so each writes: the length, and the factor that it is to be divided by
  found[(row * 8u + t % 8u) * 2u] = norm.length;
  found[(row * 8u + t % 8u) * 2u + 1u] = norm.factor;
}
"#;

const ROWS: usize = 64;

/// Row r has elements of a magnitude of its own: 2^-126 to 2^60, |x|^2 below 2^120.
fn value(row: usize, column: usize) -> f32 {
    let exponent = -126 + (row as i32 * 184) / ROWS as i32;
    let mantissa = 1.0 + ((row * 31 + column * 17) % 97) as f32 / 97.0;
    let sign = if (row + column).is_multiple_of(3) { -1.0 } else { 1.0 };
    // some columns are far smaller than the largest, and vanish when they are squared
    let less = if column % 5 == 4 { 2f32.powi(-40) } else { 1.0 };
    sign * mantissa * 2f32.powi(exponent) * less
}

#[test]
fn norms_neither_overflow_nor_vanish() {
    for k4 in [1, 8, 19] {
        let dim = k4 * 4;
        let rows: Vec<f32> = (0..ROWS * dim)
            .map(|i| if i / dim == 7 { 0.0 } else { value(i / dim, i % dim) })
            .collect();
        let job = Job {
            text: KERNEL,
            constants: context! { dtype => "f32" },
            inputs: &[bytemuck::cast_slice(&rows), &[k4 as u32, k4 as u32]],
            output: ROWS * 16,
            workgroups: (ROWS / 32) as u32,
        };
        for (how, found) in run(&job) {
            for (row, found) in found.chunks_exact(16).enumerate() {
                let what = format!("{how}, {k4} groups, row {row}");
                assert!(found.chunks_exact(2).all(|pair| pair == &found[..2]), "{what}: {found:?}");
                let [length, factor] = [0, 1].map(|i| f64::from(f32::from_bits(found[i])));
                // a driver that flushes what is subnormal takes an element below 2^-126 for 0
                let flushed =
                    |x: &f32| if x.abs() < f32::MIN_POSITIVE { 0.0 } else { f64::from(*x) };
                let squares = rows[row * dim..][..dim].iter().map(|x| flushed(x).powi(2));
                let expected = squares.sum::<f64>().sqrt();
                let off = (length / factor - expected).abs();
                let allowed = (dim as f64 / 64.0 + 8.0) * expected / 16_777_216.0;
                assert!(off <= allowed, "{what}: {expected:e}, not {:e}", length / factor);
                assert!(factor.log2().fract() == 0.0, "{what}: a factor of {factor}");
            }
        }
    }
}

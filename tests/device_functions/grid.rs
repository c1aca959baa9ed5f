//! Numbers rounded to those of f16, in integers.

use crate::harness::{Job, run};
use half::f16;
use minijinja::context;

pub const KERNEL: &str = r#"
{% include library("grid") %}
@group(0) @binding(0) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> rounded: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&rounded)) { rounded[id.x] = on_grid(numbers[id.x]); }
}
"#;

/// Every normal f16 itself, what lies a little off it and halfway to the next, and what is below 2^-14.
#[test]
fn numbers_become_the_nearest_that_f16_has() {
    let halves = (0x0400u16..0x7bff).map(|bits| f16::from_bits(bits).to_f32());
    let mut numbers: Vec<f32> = halves
        .flat_map(|x| {
            let next = f32::from_bits(x.to_bits() + 0x2000);
            [x, -x, x + (next - x) / 2.0, x + (next - x) * 0.49, -(x + (next - x) * 0.51)]
        })
        .collect();
    numbers.extend([0.0, 6.1e-5, -6.1e-5, 1e-30]);
    numbers.resize(numbers.len().next_multiple_of(4), 0.0);
    let expected = |x: f32| {
        if x.abs() < 2f32.powi(-14) {
            return 0.0;
        }
        // halves of a step go away from 0, which f16's own rounding does not always do
        let near = f16::from_f32(x).to_f32();
        let step = f32::from_bits(near.abs().to_bits() & 0x7f80_0000) * 2f32.powi(-10);
        let down = (x.abs() / step).floor() * step;
        let up = down + step;
        if x.abs() - down >= up - x.abs() { up.copysign(x) } else { down.copysign(x) }
    };
    for dtype in ["f32", "rabitq"] {
        for (how, got) in on_grid(&numbers, dtype) {
            for (&x, got) in numbers.iter().zip(&got) {
                assert_eq!(f32::from_bits(*got), expected(x), "{x:e}, {dtype}, {how}");
            }
        }
    }
    // of RaBitQ what f16 has no number for becomes its largest
    let beyond = [65_505.0, -65_520.0, 7e4, -1e10, 3e38, -3e38, 65_504.0, -65_503.0f32];
    for (how, got) in on_grid(&beyond, "rabitq") {
        let got: Vec<f32> = got.iter().map(|&bits| f32::from_bits(bits)).collect();
        let expected: Vec<f32> = beyond.iter().map(|x| 65_504f32.copysign(*x)).collect();
        assert_eq!(got, expected, "{how}");
    }
}

/// What the device makes of numbers that are of such rows.
fn on_grid(numbers: &[f32], dtype: &str) -> Vec<(&'static str, Vec<u32>)> {
    let words: &[u32] = bytemuck::cast_slice(numbers);
    run(&Job {
        text: KERNEL,
        constants: context! { dtype },
        inputs: &[words],
        output: words.len(),
        workgroups: words.len().div_ceil(256) as u32,
    })
}

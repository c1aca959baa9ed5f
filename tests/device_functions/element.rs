//! Stored elements of every type, decoded to f32 and to integers.

use crate::harness::{Job, run};
use half::{bf16, f16};
use minijinja::context;

/// Through `row4_at` and `row4i`, as every kernel reads its rows; each row is one group.
pub const KERNEL: &str = r#"
{% include library("rows") %}
struct Shape { stride4: u32 }
const p = Shape(1u);
@group(0) @binding(1) var<storage, read_write> decoded: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&rows)) { return; }
//% if integers
  decoded[id.x] = bitcast<vec4<f32>>(row4i(id.x));
//% else
  decoded[id.x] = row4_at(id.x, 0u);
//% endif
}
"#;

/// The decoded bits, checked and unchecked.
fn decode(dtype: &str, integers: bool, words: &[u32], elements: usize) -> Vec<(String, Vec<u32>)> {
    let job = Job {
        text: KERNEL,
        constants: context! { dtype, integers },
        inputs: &[words],
        output: elements,
        workgroups: elements.div_ceil(256) as u32,
    };
    let named = |(how, bits): (&str, Vec<u32>)| (format!("{dtype}, {how}"), bits);
    run(&job).into_iter().map(named).collect()
}

fn agree(what: &str, got: &[u32], expected: impl Iterator<Item = f32>) {
    let mut compared = 0;
    for (i, (&got, expected)) in got.iter().zip(expected).enumerate() {
        let same = got == expected.to_bits() || expected.is_nan() && f32::from_bits(got).is_nan();
        assert!(same, "{what}, element {i}: {expected:e}, not {:e}", f32::from_bits(got));
        compared += 1;
    }
    assert_eq!(compared, got.len(), "{what}");
}

/// All patterns of 16 bits, two to a word.
fn all_pairs() -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&(0..=u16::MAX).collect::<Vec<_>>())
}

#[test]
fn floats_of_32_bits_are_as_they_are_stored() {
    let edges =
        [0.0, -0.0, 1.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY];
    let strided = (0..u32::MAX).step_by(1_000_003).map(f32::from_bits).filter(|v| !v.is_nan());
    let mut values: Vec<f32> = edges.into_iter().chain(strided).collect();
    values.resize(values.len().next_multiple_of(4), 0.0);
    for (what, got) in decode("f32", false, bytemuck::cast_slice(&values), values.len()) {
        agree(&what, &got, values.iter().copied());
    }
}

#[test]
fn all_f16_are_those_of_the_host() {
    for (what, got) in decode("f16", false, &all_pairs(), 65_536) {
        agree(&what, &got, (0..=u16::MAX).map(|bits| f16::from_bits(bits).to_f32()));
    }
}

#[test]
fn all_bf16_are_those_of_the_host() {
    for (what, got) in decode("bf16", false, &all_pairs(), 65_536) {
        agree(&what, &got, (0..=u16::MAX).map(|bits| bf16::from_bits(bits).to_f32()));
    }
}

/// By the built-in function, for the scaled copies of rows: it may take subnormals for zero, and nothing else.
#[test]
fn all_normal_f16_of_a_copy_are_those_of_the_host() {
    for (what, got) in decode("f16copy", false, &all_pairs(), 65_536) {
        let expected = (0..=u16::MAX).zip(&got).map(|(bits, &got)| {
            let exact = f16::from_bits(bits).to_f32();
            let flushed = bits & 0x7c00 == 0 && f32::from_bits(got) == 0.0;
            if flushed { f32::from_bits(got) } else { exact }
        });
        agree(&what, &got, expected);
    }
}

#[test]
fn all_bytes_are_those_of_the_host() {
    let bytes: Vec<u8> = (0..=255).collect();
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
    for (dtype, value) in
        [("i8", (|b| i32::from(b as i8)) as fn(u8) -> i32), ("u8", |b| i32::from(b))]
    {
        for (what, got) in decode(dtype, false, &words, 256) {
            agree(&what, &got, bytes.iter().map(|&b| value(b) as f32));
        }
        for (what, got) in decode(dtype, true, &words, 256) {
            let expected: Vec<u32> = bytes.iter().map(|&b| value(b) as u32).collect();
            assert_eq!(got, expected, "{what}");
        }
    }
}

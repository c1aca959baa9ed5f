//! The counting of ones, plainly and by carry-save adders.

use crate::harness::{Job, run};
use minijinja::context;

/// Each thread has eight words.
pub const KERNEL: &str = r#"
@group(0) @binding(0) var<storage, read> words: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> counts: array<vec2<u32>>;
{% include library("ones") %}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let u = words[id.x * 2u];
  let v = words[id.x * 2u + 1u];
  counts[id.x] = vec2<u32>(ones_of_4(u), ones_of_8(u, v));
}
"#;

#[test]
fn as_many_bits_are_one_as_std_says() {
    // words of no and of all ones, of one bit, and of others
    let word = |i: u32| match i % 5 {
        0 => 0,
        1 => u32::MAX,
        2 => 1 << (i / 5 % 32),
        _ => i.wrapping_mul(0x9e37_79b9) ^ (i << 13),
    };
    let words: Vec<u32> = (0..128 * 8u32).map(|i| word(i + i / 8)).collect();
    let ones = |words: &[u32]| words.iter().map(|word| word.count_ones()).sum::<u32>();
    let expected: Vec<u32> =
        words.chunks_exact(8).flat_map(|eight| [ones(&eight[..4]), ones(eight)]).collect();
    for carry_save in [false, true] {
        let job = Job {
            text: KERNEL,
            constants: context! { carry_save },
            inputs: &[&words],
            output: 256,
            workgroups: 2,
        };
        for (how, found) in run(&job) {
            assert_eq!(found, expected, "{how}, {carry_save}");
        }
    }
}

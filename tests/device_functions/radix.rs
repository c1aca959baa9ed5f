//! One digit of a radix selection by one workgroup, four times: the k-th smallest key.

use crate::harness::{Job, max_threads, run};
use minijinja::context;

/// Each workgroup has `n` keys and a rank of its own, and writes the four digits as `digit_of` gave them.
pub const KERNEL: &str = r#"
{% include library("radix") %}
@group(0) @binding(0) var<storage, read> keys: array<u32>;
// first key, keys, rank
@group(0) @binding(1) var<storage, read> problems: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> digits: array<vec4<u32>>;

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let problem = problems[wg.x];
  var prefix = 0u;
  var need = problem.z;
  for (var step = 0u; step < 4u; step++) {
    let shift = 24u - 8u * step;
    clear_histogram(t);
    for (var i = t; i < problem.y; i += {{ threads }}u) {
      let key = keys[problem.x + i];
      if (step == 0u || (key ^ prefix) >> (shift + 8u) == 0u) { atomicAdd(&histogram[key >> shift & 255u], 1u); }
    }
    let digit = digit_of(t, need);
    if (t == 0u) { digits[wg.x * 4u + step] = vec4<u32>(digit, need); }
    prefix |= digit.x << shift;
    need -= digit.y;
  }
}
"#;

/// Keys of several kinds; ranks at the ends, in the middle, and within ties.
fn problems() -> Vec<(Vec<u32>, usize)> {
    let random = |i: u32| i.wrapping_mul(2_654_435_761) ^ i.wrapping_mul(40_503) << 7;
    let kinds: [Vec<u32>; 6] = [
        (0..1000).map(random).collect(),
        // ties in all digits but the last
        (0..1000).map(|i| 0x1234_5600 | random(i) >> 30).collect(),
        // the ends of a digit's sixteen parts, and of the digits
        (0..1024).map(|i| (i * 16 % 256 + if i % 2 == 0 { 15 } else { 0 }) * 0x0101_0101).collect(),
        vec![u32::MAX; 700],
        vec![0; 3],
        vec![7],
    ];
    let ranks = |keys: Vec<u32>| {
        let n = keys.len();
        [1, 2, n / 3, n / 2, n - 1, n].map(|rank| (keys.clone(), rank.clamp(1, n)))
    };
    kinds.into_iter().flat_map(ranks).collect()
}

#[test]
fn the_digits_are_those_of_the_sorted_keys() {
    let problems = problems();
    let (mut keys, mut heads) = (Vec::new(), Vec::new());
    for (of_problem, rank) in &problems {
        heads.extend([keys.len() as u32, of_problem.len() as u32, *rank as u32, 0]);
        keys.extend(of_problem);
    }
    for threads in [16, 32, 64, 128, 256, 512] {
        if threads > max_threads() && max_threads() > 0 {
            println!("skipped: the adapter has no workgroups of {threads} threads (1)");
            continue;
        }
        let job = Job {
            text: KERNEL,
            constants: context! { threads },
            inputs: &[&keys, &heads],
            output: problems.len() * 16,
            workgroups: problems.len() as u32,
        };
        for (how, digits) in run(&job) {
            for ((keys, rank), digits) in problems.iter().zip(digits.chunks_exact(16)) {
                agree(
                    keys,
                    *rank,
                    digits,
                    &format!("{how}, {threads} threads, rank {rank} of {}", keys.len()),
                );
            }
        }
    }
}

/// Four times: the digit, how many candidates have a smaller one, how many have this one, and the rank that was asked.
fn agree(keys: &[u32], rank: usize, digits: &[u32], what: &str) {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let wanted = sorted[rank - 1];
    let mut need = rank;
    for (step, got) in digits.chunks_exact(4).enumerate() {
        let shift = 24 - 8 * step as u32;
        let above = |key: &&u32| step == 0 || (**key ^ wanted) >> (shift + 8) == 0;
        let candidates = || keys.iter().filter(above).map(|key| key >> shift & 255);
        let digit = wanted >> shift & 255;
        let below = candidates().filter(|d| *d < digit).count();
        let same = candidates().filter(|d| *d == digit).count();
        let expected = [digit, below as u32, same as u32, need as u32];
        assert_eq!(got, expected, "{what}, digit {step} of {wanted:#x}");
        need -= below;
    }
}

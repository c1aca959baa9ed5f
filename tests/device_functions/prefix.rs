//! Prefix sums over the threads of a workgroup, several times by the same one.

use crate::harness::{Job, run};
use minijinja::context;

/// Each workgroup sums one value a thread, then what came out, whose memory is that of the first sums.
pub const KERNEL: &str = r#"
{% include library("prefix") %}
@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let once = sum_below(t, values[wg.x * 256u + t]);
  sums[wg.x * 256u + t] = vec4<u32>(once, sum_below(t, once.x));
}
"#;

/// What `sum_below` has to give to each of 256 threads.
fn expected(values: &[u32]) -> Vec<[u32; 2]> {
    let all = values.iter().fold(0u32, |sum, &value| sum.wrapping_add(value));
    let below = values.iter().scan(0u32, |sum, &value| {
        let below = *sum;
        *sum = sum.wrapping_add(value);
        Some([below, all])
    });
    below.collect()
}

#[test]
fn sums_over_threads_are_those_of_std() {
    let kinds: [fn(u32) -> u32; 6] = [
        |_| 0,
        |_| 1,
        |t| t,
        |t| u32::from(t == 0),
        |t| u32::from(t == 255),
        // beyond 2^32
        |t| t.wrapping_mul(2_654_435_761),
    ];
    let values: Vec<u32> = kinds.iter().flat_map(|kind| (0..256).map(kind)).collect();
    let job = Job {
        text: KERNEL,
        constants: context! {},
        inputs: &[&values],
        output: values.len() * 4,
        workgroups: kinds.len() as u32,
    };
    for (how, sums) in run(&job) {
        for (of_group, got) in values.chunks_exact(256).zip(sums.chunks_exact(1024)) {
            let once = expected(of_group);
            let twice = expected(&once.iter().map(|sums| sums[0]).collect::<Vec<_>>());
            let both: Vec<u32> =
                once.iter().zip(&twice).flat_map(|(a, b)| [*a, *b].concat()).collect();
            assert_eq!(got, both, "{how}: {of_group:?}");
        }
    }
}

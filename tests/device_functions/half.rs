//! f16 from its bits, in integers.

use crate::harness::{Job, run};
use half::f16;
use minijinja::context;

pub const KERNEL: &str = r#"
{% include library("half") %}
@group(0) @binding(0) var<storage, read_write> floats: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  floats[id.x] = half_of(id.x);
}
"#;

#[test]
fn all_65536_are_those_of_the_host() {
    let job =
        Job { text: KERNEL, constants: context! {}, inputs: &[], output: 65_536, workgroups: 256 };
    for (how, floats) in run(&job) {
        for (bits, got) in (0..=u16::MAX).zip(floats) {
            let expected = f16::from_bits(bits).to_f32();
            let same =
                got == expected.to_bits() || expected.is_nan() && f32::from_bits(got).is_nan();
            assert!(same, "{how}: {bits:#06x} is {expected:e}, not {:e}", f32::from_bits(got));
        }
    }
}

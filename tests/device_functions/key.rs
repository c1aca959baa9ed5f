//! Order-preserving keys of f32: `u32` order of the keys is the order of the values.

use crate::harness::{Job, run};
use minijinja::context;

pub const KERNEL: &str = r#"
{% include library("key") %}
@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&values)) { return; }
  let v = bitcast<f32>(values[id.x]);
  let up = ascending_key(v);
  let down = descending_key(v);
  keys[id.x] = vec4<u32>(up, down, bitcast<u32>(number_of_key(up)), bitcast<u32>(number_of_key(~down)));
}
"#;

/// Every exponent with the ends of its mantissas, both signs, both zeros, subnormals and infinities; then patterns at a
/// stride. No NaN: a distance that is none never becomes a key.
fn patterns() -> Vec<u32> {
    let mantissas = [0, 1, 2, 0x3f_ffff, 0x40_0000, 0x7f_fffe, 0x7f_ffff];
    let edges = (0..=255u32).flat_map(|e| mantissas.map(|m| e << 23 | m));
    let both = edges.flat_map(|magnitude| [magnitude, magnitude | 1 << 31]);
    let strided = (0..=u32::MAX).step_by(65_521);
    both.chain(strided).filter(|&bits| !f32::from_bits(bits).is_nan()).collect()
}

#[test]
fn keys_keep_the_order_of_the_values() {
    let mut bits = patterns();
    bits.sort_by(|a, b| f32::from_bits(*a).partial_cmp(&f32::from_bits(*b)).expect("no NaN"));
    let groups = bits.len().div_ceil(256) as u32;
    let job = Job {
        text: KERNEL,
        constants: context! {},
        inputs: &[&bits],
        output: bits.len() * 4,
        workgroups: groups,
    };
    for (how, keys) in run(&job) {
        // back to the value's own bits, but for those of negative zero
        for (&bits, keys) in bits.iter().zip(keys.chunks_exact(4)) {
            let value = if bits == 1 << 31 { 0 } else { bits };
            assert_eq!(keys[2..], [value, value], "{how}: {bits:#x}");
        }
        let keys: Vec<(u32, u32)> = keys.chunks_exact(4).map(|keys| (keys[0], keys[1])).collect();
        for (values, keys) in bits.windows(2).zip(keys.windows(2)) {
            let [a, b] = [0, 1].map(|i| f32::from_bits(values[i]));
            let what =
                format!("{how}: {a:e} ({:#x}) and {b:e} ({:#x}): {keys:x?}", values[0], values[1]);
            assert_eq!(a.partial_cmp(&b), Some(keys[0].0.cmp(&keys[1].0)), "{what}");
            assert_eq!(b.partial_cmp(&a), Some(keys[0].1.cmp(&keys[1].1)), "{what}");
        }
        // The key of what is not a hit stands behind every value's.
        assert!(keys.iter().all(|&(up, down)| up != u32::MAX && down != u32::MAX), "{how}");
    }
}

//! Rows of RaBitQ that are looked up, to the bits that the host has: a list's centroid and numbers of 1 to 9 bits, scaled; and what is added to
//! the distance of each.

use crate::harness::{Job, run};
use minijinja::context;

/// Of each row and group what `row4_at` says, and the two that it adds, `list4_of` and `code4_at`; behind its groups what `added` says.
pub const KERNEL: &str = r#"
{% include library("rows") %}
struct Shape { stride4: u32, k4: u32 }
@group(0) @binding(2) var<storage, read> p: Shape;
@group(0) @binding(3) var<storage, read_write> looked_up: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&looked_up)) { return; }
  let groups = 3u * p.k4 + 1u;
  let x = id.x / groups;
  let k = id.x % groups;
  if (k == 3u * p.k4) {
    looked_up[id.x] = vec4<f32>(added(x));
  } else if (k >= 2u * p.k4) {
    looked_up[id.x] = code4_at(x, k - 2u * p.k4);
  } else if (k >= p.k4) {
    looked_up[id.x] = list4_of(x, k - p.k4);
  } else {
    looked_up[id.x] = row4_at(x, k);
  }
}
"#;

const ROWS: usize = 40;
const LISTS: usize = 3;

/// Numbers without a pattern.
fn number(i: usize) -> f32 {
    ((i * 2_654_435_761) % 65_521) as f32 / 65_521.0 - 0.5
}

#[test]
fn codes_of_every_width_are_scaled_and_moved_to_their_lists() {
    for dim in [1usize, 4, 7, 33, 64] {
        for bits in 1..=9usize {
            let (k4, first) = (dim.div_ceil(4), if bits == 1 { 3 } else { 5 });
            let groups = 3 * k4 + 1;
            let lists: Vec<f32> = (0..LISTS * dim).map(|i| number(i + 77)).collect();
            let mut tables: Vec<f32> =
                [0, bits, first, 2, dim, 1, 0, 0].iter().map(|&size| size as f32).collect();
            for list in lists.chunks_exact(dim) {
                tables.extend_from_slice(list);
                tables.resize(tables.len().next_multiple_of(4), 0.0);
            }
            let stride = first + (dim * bits).div_ceil(32) + 1;
            let code_of = |row: usize, j: usize| ((row * 31 + j * 17 + j / 5) % (1 << bits)) as u32;
            let scale = |row: usize| number(row + 5) * 3.0;
            let mut words = vec![0u32; ROWS * stride];
            for (row, words) in words.chunks_exact_mut(stride).enumerate() {
                words[0] = (row % LISTS) as u32;
                words[1] = scale(row).to_bits();
                words[2] = number(row + 900).to_bits();
                for j in 0..dim {
                    for bit in 0..bits {
                        let at = j * bits + bit;
                        words[first + at / 32] |= (code_of(row, j) >> bit & 1) << (at % 32);
                    }
                }
            }
            let job = Job {
                text: KERNEL,
                constants: context! { dtype => "rabitq", groups => "p.k4", ranges_in => "ranges" },
                inputs: &[bytemuck::cast_slice(&tables), &words, &[stride as u32, k4 as u32]],
                output: ROWS * groups * 4,
                workgroups: (ROWS * groups).div_ceil(64) as u32,
            };
            for (how, got) in run(&job) {
                for (row, got) in got.chunks_exact(groups * 4).enumerate() {
                    let what = format!("{dim} of {bits} bits, {how}, row {row}");
                    let of = |at: usize| f64::from(f32::from_bits(got[at]));
                    assert_eq!(of(k4 * 12), f64::from(number(row + 900)), "{what}");
                    for j in 0..k4 * 4 {
                        // the product is exact, and its sum with the centroid rounded once or twice
                        let (mut list, mut code) = (0.0, 0.0);
                        if j < dim {
                            let y = code_of(row, j) as f32 + 0.5 - (1u32 << (bits - 1)) as f32;
                            list = f64::from(lists[row % LISTS * dim + j]);
                            code = f64::from(y) * f64::from(scale(row));
                        }
                        assert_eq!(of(k4 * 4 + j), list, "{what}, {j} of the list");
                        for (at, expected) in [(j, code + list), (k4 * 8 + j, code)] {
                            let off = (of(at) - expected).abs();
                            assert!(off <= expected.abs().max(1.0) * 2e-7, "{what}, {at}: {off:e}");
                        }
                    }
                }
            }
        }
    }
}

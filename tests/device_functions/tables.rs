//! Rows that are looked up: codes of a product quantizer, to the bits that the host decodes, and the centroids of lists added.

use crate::harness::{Job, run};
use minijinja::context;
use nearfield::ProductQuantizer;
use nearfield::half::{bf16, f16};

/// Each row by `row4_at`, which adds `list4` where rows are of lists, and the first code of each again by itself.
pub const KERNEL: &str = r#"
{% include library("rows") %}
struct Shape { stride4: u32, k4: u32, bits: u32 }
@group(0) @binding(2) var<storage, read> p: Shape;
@group(0) @binding(3) var<storage, read_write> looked_up: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&looked_up)) { return; }
  let x = id.x / p.k4;
  let k = id.x % p.k4;
  // the sizes say how many bits a code has
  let first = code_of(x * p.stride4{{ " + 1u" if dtype == "rpq" }}, 0u, p.bits);
  let whole = first < (1u << u32(range4(0u).y)){{ " && list4(x * p.stride4, 0u).x < 1e30" if dtype == "rpq" }};
  looked_up[id.x] = select(vec4<f32>(0.0), row4_at(x, k), whole);
}
"#;

/// Each row by `row4_at` alone.
pub const HALVES: &str = r#"
{% include library("rows") %}
struct Shape { stride4: u32, k4: u32 }
@group(0) @binding(2) var<storage, read> p: Shape;
@group(0) @binding(3) var<storage, read_write> looked_up: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&looked_up)) { return; }
  looked_up[id.x] = row4_at(id.x / p.k4, id.x % p.k4);
}
"#;

const ROWS: usize = 64;
const LISTS: usize = 3;

/// Numbers without a pattern.
fn number(i: usize) -> f32 {
    ((i * 2_654_435_761) % 65_521) as f32 / 65_521.0 - 0.5
}

/// All numbers of 16 bits, of two lists: of one that adds nothing, and of one that does.
#[test]
fn sixteen_bits_that_lists_leave_are_what_the_host_decodes() {
    for (dtype, dim) in [("rf16", 8), ("rf16", 5), ("rbf16", 8), ("rbf16", 7)] {
        let decode = |bits: u16| match dtype {
            "rf16" => f16::from_bits(bits).to_f32(),
            _ => bf16::from_bits(bits).to_f32(),
        };
        let all: Vec<u16> = (0..=u16::MAX).filter(|&bits| decode(bits).is_finite()).collect();
        let (k4, count) = (dim / 4 + usize::from(dim % 4 > 0), 2 * all.len().div_ceil(dim));
        let stride = 1 + 2 * k4;
        let number_of = |row: usize, j: usize| all[(row / 2 * dim + j) % all.len()];
        let mut words = vec![0u32; count * stride];
        for (row, words) in words.chunks_exact_mut(stride).enumerate() {
            words[0] = (row % 2) as u32;
            let to: &mut [u16] = bytemuck::cast_slice_mut(&mut words[1..]);
            (0..dim).for_each(|j| to[j] = number_of(row, j));
        }
        let mut tables = vec![0f32, 16.0, 1.0, 2.0, dim as f32, 1.0, 0.0, 0.0];
        tables.resize(8 + 4 * k4, 0.0);
        let list: Vec<f32> = (0..dim).map(|j| number(j + 5) + 0.51).collect();
        tables.extend(&list);
        tables.resize(8 + 8 * k4, 0.0);
        let job = Job {
            text: HALVES,
            constants: context! { dtype, groups => "p.k4", ranges_in => "ranges" },
            inputs: &[bytemuck::cast_slice(&tables), &words, &[stride as u32, k4 as u32]],
            output: count * k4 * 4,
            workgroups: (count * k4).div_ceil(64) as u32,
        };
        for (how, got) in run(&job) {
            for (row, got) in got.chunks_exact(k4 * 4).enumerate() {
                for (j, &got) in got.iter().enumerate() {
                    let own = if j < dim { decode(number_of(row, j)) } else { 0.0 };
                    let expected = own + if j < dim && row % 2 == 1 { list[j] } else { 0.0 };
                    let got = f32::from_bits(got);
                    // a bfloat16 may be smaller than what devices keep
                    let vanished = got == 0.0 && expected.abs() < f32::MIN_POSITIVE;
                    assert!(got == expected || vanished, "{dtype}, {dim}, {how}, {row} {j}");
                }
            }
        }
    }
}

#[test]
fn codes_of_every_width_are_what_the_host_decodes() {
    // whole groups of four to a part, two groups, and one, two, three and five elements
    for (dim, parts) in [(16, 4), (24, 3), (7, 7), (10, 5), (9, 3), (15, 3)] {
        for bits in 4..=8u32 {
            let centroids: Vec<f32> = (0..dim << bits).map(number).collect();
            let quantizer = ProductQuantizer::new(dim, parts, bits).unwrap();
            let quantizer = quantizer.with_centroids(&centroids).unwrap();
            let (k4, part, bytes) = (dim.div_ceil(4), dim / parts, quantizer.code_bytes());
            let lists: Vec<f32> = (0..LISTS * dim).map(|i| number(i + 77)).collect();
            // the last bits of the last byte belong to no code
            let codes: Vec<u8> = (0..ROWS * bytes).map(|i| (i * 167 + i / 7) as u8).collect();
            let decoded = quantizer.decode(&codes).unwrap();
            let whole = if part % 4 == 0 { part / 4 } else { 0 };
            let mut table = Vec::new();
            for of_part in centroids.chunks_exact(part << bits) {
                for group in 0..whole {
                    for centroid in of_part.chunks_exact(part) {
                        table.extend_from_slice(&centroid[group * 4..group * 4 + 4]);
                    }
                }
            }
            if whole == 0 {
                table.extend_from_slice(&centroids);
            }
            table.resize(table.len().next_multiple_of(4), 0.0);
            let first_list = 2 + table.len() / 4;
            let sizes = [whole, bits as usize, part, first_list, dim, 1, 0, 0];
            let mut tables: Vec<f32> = sizes.iter().map(|&size| size as f32).collect();
            tables.extend(table);
            for list in lists.chunks_exact(dim) {
                tables.extend_from_slice(list);
                tables.resize(tables.len().next_multiple_of(4), 0.0);
            }
            for dtype in ["pq", "rpq"] {
                let listed = dtype == "rpq";
                let stride = bytes.div_ceil(4) + usize::from(listed);
                let mut words = vec![0u32; ROWS * stride];
                for (row, words) in words.chunks_exact_mut(stride).enumerate() {
                    let own = usize::from(listed);
                    if listed {
                        words[0] = (row % LISTS) as u32;
                    }
                    let to: &mut [u8] = bytemuck::cast_slice_mut(&mut words[own..]);
                    to[..bytes].copy_from_slice(&codes[row * bytes..][..bytes]);
                }
                let job = Job {
                    text: KERNEL,
                    constants: context! { dtype, groups => "p.k4", ranges_in => "ranges" },
                    inputs: &[
                        bytemuck::cast_slice(&tables),
                        &words,
                        &[stride as u32, k4 as u32, bits],
                    ],
                    output: ROWS * k4 * 4,
                    workgroups: (ROWS * k4).div_ceil(64) as u32,
                };
                for (how, got) in run(&job) {
                    for (row, got) in got.chunks_exact(k4 * 4).enumerate() {
                        for (j, &got) in got.iter().enumerate() {
                            let list = if listed {
                                lists[row % LISTS * dim + j.min(dim - 1)]
                            } else {
                                0.0
                            };
                            let own = decoded.get(row * dim + j).filter(|_| j < dim);
                            let expected = own.map_or(0.0, |x| x + list);
                            let what =
                                format!("{dtype}, {dim} in {parts} of {bits}, {how}, {row} {j}");
                            assert_eq!(f32::from_bits(got), expected, "{what}");
                        }
                    }
                }
            }
        }
    }
}

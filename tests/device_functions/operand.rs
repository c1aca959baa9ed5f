//! What a tile loads of rows as they are stored, and how the positions of a scan find their rows and numbers.

use crate::harness::{Job, run};
use half::{bf16, f16};
use minijinja::context;

/// As the tiles load in f32; matrices of f16 are loaded by tests that have the adapters for them.
pub const KERNEL: &str = r#"
{% include library("operand") %}
struct Shape { stride4: u32, k4: u32 }
@group(0) @binding(1) var<storage, read> p: Shape;
@group(0) @binding(2) var<storage, read_write> staged: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&staged)) { return; }
  staged[id.x] = rows_staged(rows_load(id.x / p.k4, id.x % p.k4));
}
"#;

/// Through both includes, which define the same two functions.
pub const POSITIONS: &str = r#"
{% include row_map %}
@group(0) @binding({{ slot() }}) var<storage, read_write> found: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x * 2u >= arrayLength(&found)) { return; }
  // an empty position names a row that is only read in its place
  found[id.x * 2u] = row(id.x) + select(1000u, 0u, present(id.x));
  found[id.x * 2u + 1u] = order(id.x);
}
"#;

const ROWS: usize = 37;
/// Groups of a row that hold elements, and from one row to the next: the last is padding.
const K4: usize = 5;
const STRIDE4: usize = 6;

fn value(i: usize) -> f32 {
    (i * 37 % 251) as f32 / 2.0 - 62.0
}

fn check<T: bytemuck::NoUninit>(dtype: &str, from: impl Fn(f32) -> T, to: impl Fn(T) -> f32) {
    let rows: Vec<T> = (0..ROWS * STRIDE4 * 4).map(|i| from(value(i))).collect();
    let mut bytes: Vec<u8> = bytemuck::cast_slice(&rows).to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&bytes);
    let job = Job {
        text: KERNEL,
        constants: context! { dtype, input => "f32" },
        inputs: &[&words, &[STRIDE4 as u32, K4 as u32]],
        output: ROWS * K4 * 4,
        workgroups: (ROWS * K4).div_ceil(64) as u32,
    };
    for (how, staged) in run(&job) {
        for (i, staged) in staged.iter().enumerate() {
            let (row, column) = (i / (K4 * 4), i % (K4 * 4));
            let expected = to(rows[row * STRIDE4 * 4 + column]);
            let got = f32::from_bits(*staged);
            assert_eq!(got, expected, "{dtype}, {how}, row {row}, column {column}");
        }
    }
}

#[test]
fn every_type_is_staged_as_the_host_reads_it() {
    check("f32", |x| x, |x| x);
    check("f16", f16::from_f32, f16::to_f32);
    check("f16copy", f16::from_f32, f16::to_f32);
    check("bf16", bf16::from_f32, bf16::to_f32);
    check("i8", |x| x as i8, f32::from);
    check("u8", |x| x.abs() as u8, f32::from);
}

#[test]
fn positions_are_rows_or_what_the_tables_say() {
    const COUNT: usize = 130;
    let rows: Vec<u32> = (0..COUNT as u32).map(|i| i * 7 % COUNT as u32).collect();
    let empty = |i: usize| i % 5 == 3;
    let marked = |(i, &row): (usize, &u32)| row | if empty(i) { 1 << 31 } else { 0 };
    let table: Vec<u32> = rows.iter().enumerate().map(marked).collect();
    let seen = |(i, &row): (usize, &u32)| row + if empty(i) { 1000 } else { 0 };
    let rows: Vec<u32> = rows.iter().enumerate().map(seen).collect();
    let numbers: Vec<u32> = (0..COUNT as u32).map(|i| 1_000_000 - i).collect();
    let own: Vec<u32> = (0..COUNT as u32).collect();
    for (row_map, expected) in [("identity", [&own, &own]), ("table", [&rows, &numbers])] {
        let text = POSITIONS.replace("include row_map", &format!("include library(\"{row_map}\")"));
        let inputs: &[&[u32]] = if row_map == "table" { &[&table, &numbers] } else { &[] };
        let job = Job {
            text: &text,
            constants: context! { maps => ["row", "order", "present"] },
            inputs,
            output: COUNT * 2,
            workgroups: COUNT.div_ceil(64) as u32,
        };
        for (how, found) in run(&job) {
            for (i, pair) in found.chunks_exact(2).enumerate() {
                assert_eq!(pair, [expected[0][i], expected[1][i]], "{row_map}, {how}, {i}");
            }
        }
    }
}

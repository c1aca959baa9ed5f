// Rows of length 1: out = x scale, with scale = 1 / |x| from row_stats; the zero row stays zero.
// Bindings: 0 rows (n x stride4 groups of four), 1 scale (n), 2 out (n x out_stride4 vec4, out).
// Threads: one thread four elements.
// Profile keys: none.

{% set rows_binding = 0 %}
{% include "lib/load/rows.wgsl" %}
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

struct Params {
  n: u32,
  stride4: u32,
  out_stride4: u32,
  groups_x: u32,
  // where the rows begin in the input and in the output
  first: u32,
  out_first: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let row = i / p.out_stride4;
  if (row >= p.n) { return; }
  out[p.out_first * p.out_stride4 + i] = row4((p.first + row) * p.stride4 + i % p.out_stride4) * scale[p.first + row];
}

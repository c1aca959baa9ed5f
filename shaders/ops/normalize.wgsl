// Rows of length 1: out = x / |x|; rows shorter than 2^-126 become zero.
// Bindings: rows (n x stride4 groups of four), out (n x out_stride4 vec4, out).
// Threads: a workgroup of 256 has 32 rows, eight neighbours one of them.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
{% include "lib/math/largest.wgsl" %}
{% include "lib/math/norm.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec4<f32>>;

struct Params {
  n: u32,
  k4: u32,
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
  let row = (wg.x + wg.y * p.groups_x) * 32u + t / 8u;
  let own = p.first + min(row, p.n - 1u);
  let norm = norm_of(t, own);
  if (row >= p.n) { return; }
  let inverse = select(1.0 / norm.length, 0.0, norm.length == 0.0);
  for (var k = t % 8u; k < p.out_stride4; k += 8u) {
    let v = select(vec4<f32>(0.0), row4_at(own, min(k, p.k4 - 1u)), k < p.k4);
    out[(p.out_first + row) * p.out_stride4 + k] = v * norm.factor * inverse;
  }
}

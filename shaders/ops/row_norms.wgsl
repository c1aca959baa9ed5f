// The Euclidean norm of each row: out = |x|, by the summation tree, of elements that a power of two has brought near 1; 0 below 2^-126.
// Bindings: rows (n x stride4 groups of four), out (n, out).
// Threads: a workgroup of 256 has 32 rows, eight neighbours one of them.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
{% include "lib/math/largest.wgsl" %}
{% include "lib/math/norm.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<f32>;

struct Params {
  n: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = (wg.x + wg.y * p.groups_x) * 32u + t / 8u;
  let norm = norm_of(t, min(row, p.n - 1u));
  if (t % 8u == 0u && row < p.n) { out[row] = norm.length / norm.factor; }
}

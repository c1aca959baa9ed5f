// Rows as the queries of another search: in f32, {{ "divided by their norm, " if scaled else "" }}and |q| of each, rounded up; behind all norms what 8 bits lose of them, which is nothing.
// Bindings: {{ "ranges (vec4), " if coded else "" }}rows (n x stride4 groups of four), queries (nq x k4 vec4, out), norms (2 nq, out){{ ", scale (n)" if scaled else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has 32 rows, eight neighbours one of them.
// Profile keys: none.

{% set groups = "p.k4" %}
{% set ranges_in = "ranges" %}
{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read_write> queries: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> norms: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

struct Params {
  // Rows of this dispatch, and the query that the first becomes, of how many.
  n: u32,
  first: u32,
  nq: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
  dim: u32,
}
var<immediate> p: Params;

var<workgroup> parts: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let x = (wg.x + wg.y * p.groups_x) * 32u + t / 8u;
  let own = row(min(x, p.n - 1u));
  let query = p.first + x;
  var acc = vec4<f32>(0.0);
  for (var k = t % 8u; k < p.k4; k += 8u) {
    let v = row4_at(own, k){{ " * scale[own]" if scaled else "" }};
    if (x < p.n) { queries[query * p.k4 + k] = v; }
    acc = fma(v, v, acc);
  }
  parts[t] = acc;
  workgroupBarrier();
  if (t % 8u == 0u && x < p.n) {
    let sum = tree8(parts[t], parts[t + 1u], parts[t + 2u], parts[t + 3u], parts[t + 4u], parts[t + 5u], parts[t + 6u], parts[t + 7u]);
    // rounded up as row_stats.wgsl says
    let up = 1.0009765625 + f32(p.dim) * 1.862645149230957e-9;
    norms[query] = sqrt(sum) * up + sqrt(f32(p.dim)) * 2.168404344971009e-19;
    norms[p.nq + query] = 0.0;
  }
}

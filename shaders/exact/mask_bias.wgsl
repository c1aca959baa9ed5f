// The bias of one search, by position: the sentinel for rows that do not take part and behind the last, else the row's own, scaled.
// Bindings: own (n), bias (end, out){{ ", mask (bit i of the index: row i takes part)" if masked else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: one thread a row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> own: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bias: array<f32>;
//% if masked
@group(0) @binding({{ slot() }}) var<storage, read> mask: array<u32>;
//% endif
{% set maps = "row present" %}
{% include row_map %}

struct Params {
  n: u32,
  first_row: u32,
  groups_x: u32,
  end: u32,
  factor: f32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  if (i >= p.end) { return; }
  let at = row(min(i, p.n - 1u));
  var live = i < p.n && present(min(i, p.n - 1u)) && own[at] > NO_SCORE;
//% if masked
  let bit = p.first_row + at;
  live = live && (mask[bit / 32u] >> (bit % 32u) & 1u) != 0u;
//% endif
  bias[i] = select(SENTINEL, own[at] * p.factor, live);
}

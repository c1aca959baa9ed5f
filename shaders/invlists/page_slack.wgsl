// The largest slack of the rows of each page of a segment: how far a row may be from what its code stands for.
// Bindings: slack (rows of the segment), page_slack (pages of all, out), row_table (64 a page).
// Threads: one a page.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> slack: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> page_slack: array<f32>;
{% set maps = "row" %}
{% include row_map %}

struct Params {
  pages: u32,
  first_page: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let page = (wg.x + wg.y * p.groups_x) * 256u + t;
  if (page >= p.pages) { return; }
  // empty positions name the last row of their list
  var most = 0.0;
  for (var i = 0u; i < 64u; i++) { most = max(most, slack[row(page * 64u + i)]); }
  page_slack[p.first_page + page] = most;
}

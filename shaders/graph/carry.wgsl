// The edges of a graph as they are of the rows that came after: of some rows, which may have other numbers, without edges to those that are no more;
// rows that the graph has not have none. A row that loses an edge so is told of.
// Bindings: old_links (p.old_n x degree), {{ "origin (n: the row of the graph that each is, NO_KEY of another), image (p.old_n: the row that each is now, NO_KEY of none), " if mapped else "" }}links (n x degree, out), touched (n, in and out: 1 of a row that lost an edge).
// Threads: 256 a workgroup, each with one edge.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> old_links: array<u32>;
//% if mapped
@group(0) @binding({{ slot() }}) var<storage, read> origin: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> image: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> touched: array<u32>;

struct Params {
  old_n: u32,
  n: u32,
  degree: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let edge = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (edge >= p.n * p.degree) { return; }
  let row = edge / p.degree;
  let old = {{ "origin[row]" if mapped else "row" }};
  var link = NO_KEY;
  if (old < p.old_n) {
    link = old_links[old * p.degree + edge % p.degree];
//% if mapped
    if (link != NO_KEY) {
      link = image[link];
      if (link == NO_KEY) { touched[row] = 1u; }
    }
//% endif
  }
  links[edge] = link;
}

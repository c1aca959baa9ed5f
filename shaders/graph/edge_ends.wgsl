// The row at which each edge ends, the edges of n rows by rank one after the other: ends[rank n + row], p.none for an edge that is none.
// Bindings: links (n x degree), ends (degree x n, out).
// Threads: 256 a workgroup, each with one edge.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> ends: array<u32>;

struct Params {
  n: u32,
  degree: u32,
  // above every row
  none: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let edge = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (edge >= p.n * p.degree) { return; }
  ends[edge] = min(links[edge % p.n * p.degree + edge / p.n], p.none);
}

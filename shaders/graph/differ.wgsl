// The rows whose edges are others than before.
// Bindings: before (n x degree), after (n x degree), touched (n, in and out: 1 of a row that has others).
// Threads: 256 a workgroup, each with one edge.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> before: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> after: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> touched: array<u32>;

struct Params {
  n: u32,
  degree: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let edge = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (edge >= p.n * p.degree) { return; }
  if (before[edge] != after[edge]) { touched[edge / p.degree] = 1u; }
}

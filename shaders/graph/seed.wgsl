// Rows from which a breadth-first search sets out become those of a level.
// Bindings: rows_from (count), levels (n, in and out).
// Threads: 256 a workgroup, each with one of the rows.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> rows_from: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> levels: array<u32>;

struct Params {
  count: u32,
  level: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let at = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (at < p.count) { levels[rows_from[at]] = p.level; }
}

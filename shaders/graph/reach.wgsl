// One level of a breadth-first search: the rows to which edges lead from those of a level, and that were not reached before, are of the next.
// Bindings: links (n x degree), levels (n, in and out: 0 of a row that is not reached), reached (one word, out: 1 where a row was).
// Threads: 256 a workgroup, each with one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> levels: array<atomic<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> reached: array<atomic<u32>>;

struct Params {
  n: u32,
  degree: u32,
  level: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (row >= p.n) { return; }
  if (atomicLoad(&levels[row]) != p.level) { return; }
  for (var i = 0u; i < p.degree; i++) {
    let next = links[row * p.degree + i];
    if (next != NO_KEY) {
      // whoever is first writes what all would write
      if (atomicLoad(&levels[next]) == 0u) {
        atomicStore(&levels[next], p.level + 1u);
        atomicStore(&reached[0], 1u);
      }
    }
  }
}

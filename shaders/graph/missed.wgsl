// The rows that a breadth-first search did not reach, a bit each, without those that need not be reached.
// Bindings: levels (n: 0 of a row that was not reached), gone (n / 32 words, a bit of each row that nobody looks for), missed (n / 32 words, out).
// Threads: 256 a workgroup, each with 32 rows.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> levels: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> gone: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> missed: array<u32>;

struct Params {
  n: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let word = (wg.y * p.groups_x + wg.x) * 256u + t;
  if (word * 32u >= p.n) { return; }
  var bits = 0u;
  for (var i = 0u; i < 32u; i++) {
    let row = word * 32u + i;
    if (row < p.n) { bits |= select(0u, 1u, levels[row] == 0u) << i; }
  }
  missed[word] = bits & ~gone[word];
}

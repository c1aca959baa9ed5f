// The best of the rows that a search met become the neighbours of a row, without itself and without those that nobody looks for.
// Bindings: chosen (p.count x p.ef rows, best first, NO_KEY behind the last), items (the rows that were searched for), gone (n / 32 words, a bit of each
//   row that nobody looks for), neighbors (m x p.width, out, NO_KEY behind the last).
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> gone: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> neighbors: array<u32>;

struct Params {
  // of the first of `items`
  first: u32,
  count: u32,
  // of the first of those whose neighbours are here: others have theirs in other buffers
  part: u32,
  ef: u32,
  // neighbours of a row
  width: u32,
  groups_x: u32,
}
var<immediate> p: Params;

var<workgroup> here: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let item = min(wg.y * p.groups_x + wg.x, p.count - 1u);
  let own = items[p.first + item];
  var kept = 0u;
  for (var first = 0u; first < p.ef; first += 64u) {
    var row = NO_KEY;
    if (first + t < p.ef) { row = chosen[item * p.ef + first + t]; }
    var stays = row != NO_KEY && row != own;
    if (stays) { stays = (gone[row / 32u] >> (row % 32u) & 1u) == 0u; }
    here[t] = u32(stays);
    workgroupBarrier();
    var place = kept;
    for (var i = 0u; i < 64u; i++) {
      if (i == t && stays && place < p.width) { neighbors[(p.first - p.part + item) * p.width + place] = row; }
      place += here[i];
    }
    kept = place;
    workgroupBarrier();
  }
  for (var i = kept + t; i < p.width; i += 64u) { neighbors[(p.first - p.part + item) * p.width + i] = NO_KEY; }
}

// Rows to which new ones lead get their first edges anew; behind these is what the new ones brought, then what else there was, as far as there is room.
// Bindings: links (p.items x degree, the edges that are to be the first), items (p.items, ascending: the rows that these are of), there (n x degree: the
//   edges of all rows, of which the second half begins with what new rows brought), merged (n x degree, out).
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> there: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> merged: array<u32>;

struct Params {
  n: u32,
  items: u32,
  groups_x: u32,
}
var<immediate> p: Params;

const DEGREE = {{ degree }}u;
const HALF = DEGREE / 2u;
const ALL = 2u * DEGREE;

var<workgroup> all: array<u32, ALL>;
var<workgroup> kept: array<u32, ALL>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let group = wg.y * p.groups_x + wg.x;
  let row = min(group, p.n - 1u);
  var low = 0u;
  var high = p.items;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (items[middle] < row) { low = middle + 1u; } else { high = middle; }
  }
  let item = min(low, p.items - 1u);
  let is_new = items[item] == row;
  for (var i = t; i < DEGREE; i += 64u) {
    let behind = (i + HALF) % DEGREE;
    all[i] = select(NO_KEY, links[item * DEGREE + i], is_new);
    all[DEGREE + i] = there[row * DEGREE + select(i, behind, is_new)];
  }
  workgroupBarrier();
  for (var i = t; i < ALL; i += 64u) {
    var here = all[i] != NO_KEY && all[i] != row;
    for (var j = 0u; j < i; j++) { here = here && all[j] != all[i]; }
    kept[i] = u32(here);
  }
  workgroupBarrier();
  if (group < p.n) {
    var count = 0u;
    for (var j = 0u; j < ALL; j++) { count += kept[j]; }
    for (var i = t; i < DEGREE; i += 64u) {
      if (i >= count) { merged[row * DEGREE + i] = NO_KEY; }
    }
    for (var i = t; i < ALL; i += 64u) {
      var place = 0u;
      for (var j = 0u; j < i; j++) { place += kept[j]; }
      if (kept[i] != 0u && place < DEGREE) { merged[row * DEGREE + place] = all[i]; }
    }
  }
}

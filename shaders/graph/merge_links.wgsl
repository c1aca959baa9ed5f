// The edges of a row and those that end at it become one list: the first half of its own, then from whom edges come, by rank and row, then what
// is left of its own; each once, and as many as there is room for (CAGRA, arXiv 2308.15136, section 3.2).
// Bindings: links (p.items x degree), ends (degree x p.items, sorted), edges (degree x p.items: which edge it is that ends there), {{ "items (p.items, ascending: the rows that these are of), there (n x degree: the edges of the others), " if some else "" }}merged (n x degree, out).
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> ends: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> edges: array<u32>;
//% if some
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> there: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> merged: array<u32>;

struct Params {
  n: u32,
  // rows whose edges are new: all, or some
  items: u32,
  groups_x: u32,
}
var<immediate> p: Params;

const DEGREE = {{ degree }}u;
const HALF = DEGREE / 2u;
const ALL = 2u * DEGREE;

var<workgroup> all: array<u32, ALL>;
var<workgroup> kept: array<u32, ALL>;

// The first place of what is sorted whose value is `row` or more.
fn first_of(row: u32) -> u32 {
  var low = 0u;
  var high = p.items * DEGREE;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (ends[middle] < row) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

//% if some

// The first of the items that is `row` or more.
fn item_of(row: u32) -> u32 {
  var low = 0u;
  var high = p.items;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (items[middle] < row) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}
//% endif

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let group = wg.y * p.groups_x + wg.x;
  let row = min(group, p.n - 1u);
  let first = first_of(row);
  let end = first_of(row + 1u);
//% if some
  let item = min(item_of(row), p.items - 1u);
  let is_new = items[item] == row;
//% endif
  for (var i = t; i < DEGREE; i += 64u) {
//% if some
    var own = there[row * DEGREE + i];
    if (is_new) { own = links[item * DEGREE + i]; }
    all[select(i, i + DEGREE, i >= HALF)] = own;
//% else
    all[select(i, i + DEGREE, i >= HALF)] = links[row * DEGREE + i];
//% endif
    let at = first + i;
    let source = edges[min(at, p.items * DEGREE - 1u)] % p.items;
    all[HALF + i] = select(NO_KEY, {{ "items[source]" if some else "source" }}, at < end);
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

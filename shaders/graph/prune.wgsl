// Of the neighbours of a row those that no short detour reaches: neighbour b is reached over a nearer neighbour d where d has b among its own.
// The rows with the fewest detours stay, nearer ones first where these are as many (CAGRA, arXiv 2308.15136, section 3.2).
// Bindings: neighbors (n x width, NO_KEY behind the last{{ "; of the first rows" if segments > 1 else "" }}){{ ", items (p.items, ascending: the rows that these are of), there (the edges of all rows, which stand for the neighbours of those that are none of them)" if some else "" }}, links (n x degree, out, NO_KEY behind the last){% for s in range(1, segments) %}, neighbors{{ s }} (those of the next rows){% endfor %}.
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> neighbors: array<u32>;
//% if some
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> there: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> links: array<u32>;
//% for s in range(1, segments)
@group(0) @binding({{ slot() }}) var<storage, read> neighbors{{ s }}: array<u32>;
//% endfor

struct Params {
  // of the first row
  first: u32,
  n: u32,
  degree: u32,
  // of some of the rows: how many they are
  items: u32,
  groups_x: u32,
  // of every buffer of neighbours but the last
  segment_rows: u32,
}
var<immediate> p: Params;

const WIDTH = {{ width }}u;
// at most half of the slots are taken, so that every search of the table ends
const SLOTS = {{ slots }}u;

var<workgroup> own: array<u32, WIDTH>;
var<workgroup> slots: array<atomic<u32>, SLOTS>;
var<workgroup> ranks: array<u32, SLOTS>;
var<workgroup> detours: array<atomic<u32>, WIDTH>;

fn neighbor(row: u32, i: u32) -> u32 {
//% if segments == 1
  return neighbors[row * WIDTH + i];
//% else
  let segment = row / p.segment_rows;
  let at = (row - segment * p.segment_rows) * WIDTH + i;
//% for s in range(1, segments)
  if (segment == {{ s }}u) { return neighbors{{ s }}[at]; }
//% endfor
  return neighbors[at];
//% endif
}

//% if some
// which of the items each neighbour is, NO_KEY of another row
var<workgroup> item_of: array<u32, WIDTH>;

fn found(row: u32) -> u32 {
  var low = 0u;
  var high = p.items;
  while (low < high) {
    let middle = low + (high - low) / 2u;
    if (items[middle] < row) { low = middle + 1u; } else { high = middle; }
  }
  return select(NO_KEY, low, items[min(low, p.items - 1u)] == row);
}
//% endif

fn home(row: u32) -> u32 { return (row * 2654435761u >> 16u) % SLOTS; }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let item = wg.y * p.groups_x + wg.x;
  let row = p.first + min(item, p.n - 1u);
  for (var i = t; i < WIDTH; i += 64u) {
    own[i] = neighbor(row, i);
    atomicStore(&detours[i], 0u);
//% if some
    item_of[i] = found(own[i]);
//% endif
  }
  for (var i = t; i < SLOTS; i += 64u) { atomicStore(&slots[i], NO_KEY); }
  workgroupBarrier();
  // what is in a slot makes room for what comes and goes on to the next: a slot that was taken once is never free again
  for (var i = t; i < WIDTH; i += 64u) {
    var carried = own[i];
    var at = home(carried);
    while (carried != NO_KEY) {
      carried = atomicExchange(&slots[at], carried);
      at = (at + 1u) % SLOTS;
    }
  }
  workgroupBarrier();
  for (var i = t; i < WIDTH; i += 64u) {
    if (own[i] != NO_KEY) {
      var at = home(own[i]);
      while (atomicLoad(&slots[at]) != own[i]) { at = (at + 1u) % SLOTS; }
      ranks[at] = i;
    }
  }
  workgroupBarrier();
  for (var i = t; i < WIDTH * WIDTH; i += 64u) {
    let by = i / WIDTH;
    let over = own[by];
    if (over != NO_KEY) {
//% if some
      var reached = NO_KEY;
      if (item_of[by] != NO_KEY) {
        reached = neighbor(item_of[by], i % WIDTH);
      } else if (i % WIDTH < p.degree) {
        reached = there[over * p.degree + i % WIDTH];
      }
//% else
      let reached = neighbor(over, i % WIDTH);
//% endif
      if (reached != NO_KEY) {
        var at = home(reached);
        var there = atomicLoad(&slots[at]);
        while (there != reached && there != NO_KEY) {
          at = (at + 1u) % SLOTS;
          there = atomicLoad(&slots[at]);
        }
        if (there == reached) {
          let rank = ranks[at];
          if (rank > by) { atomicAdd(&detours[rank], 1u); }
        }
      }
    }
  }
  workgroupBarrier();
  var count = 0u;
  for (var i = 0u; i < WIDTH; i++) { count += u32(own[i] != NO_KEY); }
  for (var i = t; i < p.degree; i += 64u) {
    if (item < p.n && i >= count) { links[row * p.degree + i] = NO_KEY; }
  }
  for (var i = t; i < WIDTH; i += 64u) {
    let mine = atomicLoad(&detours[i]);
    var place = 0u;
    for (var j = 0u; j < WIDTH; j++) {
      let other = atomicLoad(&detours[j]);
      place += u32(own[j] != NO_KEY && (other < mine || (other == mine && j < i)));
    }
    if (item < p.n && own[i] != NO_KEY && place < p.degree) { links[row * p.degree + place] = own[i]; }
  }
}

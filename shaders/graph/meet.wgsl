// From where each of some new rows sets out to look for its neighbours: the starts of the graph that are nearest to it, and the nearest of the new rows.
// Bindings: near_starts (m x p.starts numbers of starts, NO_KEY behind the last), start_rows (the row of each start), near_items (m x p.width numbers of
//   new rows, NO_KEY behind the last), items (the rows that these are), met (p.count x (p.starts + p.width) rows, out).
// Threads: 256 a workgroup, each with one place.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> near_starts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> start_rows: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> near_items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> met: array<u32>;

struct Params {
  // of the first of those that have places in the buffers of what is near
  first: u32,
  count: u32,
  starts: u32,
  // places for the nearest new rows
  width: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let place = (wg.y * p.groups_x + wg.x) * 256u + t;
  let room = p.starts + p.width;
  if (place >= p.count * room) { return; }
  let item = p.first + place / room;
  let at = place % room;
  var row = NO_KEY;
  if (at < p.starts) {
    let start = near_starts[item * p.starts + at];
    if (start != NO_KEY) { row = start_rows[start]; }
  } else {
    let other = near_items[item * p.width + at - p.starts];
    if (other != NO_KEY) { row = items[other]; }
  }
  met[place] = row;
}

// Rows to which edges of a row lead, before or after others came to it.
// Bindings: before (n x degree), after (n x degree), items (rows), met (p.count x 2 degree rows, out; some twice).
// Threads: 256 a workgroup, each with one place.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> before: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> after: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> met: array<u32>;

struct Params {
  // of the first of `items`
  first: u32,
  count: u32,
  degree: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let place = (wg.y * p.groups_x + wg.x) * 256u + t;
  let room = 2u * p.degree;
  if (place >= p.count * room) { return; }
  let row = items[p.first + place / room];
  let at = place % room;
  var link = 0u;
  if (at < p.degree) {
    link = before[row * p.degree + at];
  } else {
    link = after[row * p.degree + at - p.degree];
  }
  met[place] = link;
}

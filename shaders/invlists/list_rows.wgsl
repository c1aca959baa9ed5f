// The positions of a segment: its rows list by list, each list from a page of 64 on; the places behind the last row of a list are empty, which
// the highest bit says, and name that row.
// Bindings: sorted (rows of the segment by list), starts (nlist + 1: the first page of each list, and where in sorted its rows begin),
//   row_table (64 a page, out), order_table (64 a page, from first_page on, out).
// Threads: one a position.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> sorted: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> starts: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> row_table: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> order_table: array<u32>;

struct Params {
  nlist: u32,
  pages: u32,
  first_page: u32,
  first_row: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let page = i / 64u;
  if (page >= p.pages) { return; }
  // the last list that begins at this page or before it: lists without pages begin where the next one does
  var list = 0u;
  var end = p.nlist;
  while (end - list > 1u) {
    let middle = (list + end) / 2u;
    if (starts[middle].x <= page) { list = middle; } else { end = middle; }
  }
  let first = starts[list];
  let at = i - first.x * 64u;
  let count = starts[list + 1u].y - first.y;
  let row = sorted[first.y + min(at, count - 1u)];
  row_table[i] = row | select(0u, 0x80000000u, at >= count);
  order_table[p.first_page * 64u + i] = p.first_row + row;
}

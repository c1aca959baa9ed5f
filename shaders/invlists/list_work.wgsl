// How much there is to do of each list: tiles of {{ bm }} queries that probe it by {{ bn }} of its rows.
// Bindings: counts (nlist pairs), lists (nlist vec4 of this segment; the second part: pages), items (nlist, out).
// Threads: one a list.
// Profile keys: kernel.matrix sm sgm sgn.

@group(0) @binding({{ slot() }}) var<storage, read> counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> lists: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> items: array<u32>;

struct Params {
  nlist: u32,
  first_list: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.nlist) { return; }
  let rows = lists[p.first_list + id.x].y * 64u;
  items[id.x] = (counts[id.x] + {{ bm - 1 }}u) / {{ bm }}u * ((rows + {{ bn - 1 }}u) / {{ bn }}u);
}

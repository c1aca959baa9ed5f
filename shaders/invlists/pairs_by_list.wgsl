// The pairs of queries and lists by list: of each the query, and where its bins of the list begin. Which of the queries of a list comes first
// does not show in any answer: what is computed of a pair has places of its own.
// Bindings: pairs (nq x nprobe vec2: list, bins of the query before it), starts (nlist + 1: the first pair of each list), taken (nlist,
//   zeros), by_list (nq x nprobe vec2, out).
// Threads: one a pair.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> starts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> taken: array<atomic<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> by_list: array<vec2<u32>>;

struct Params {
  nlist: u32,
  nprobe: u32,
  count: u32,
  bin_stride: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  if (i >= p.count) { return; }
  let pair = pairs[i];
  if (pair.x >= p.nlist) { return; }
  let query = i / p.nprobe;
  let to = starts[pair.x] + atomicAdd(&taken[pair.x], 1u);
  by_list[to] = vec2<u32>(query, query * p.bin_stride + pair.y);
}

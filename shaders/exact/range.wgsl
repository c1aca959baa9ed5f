// Range selection over the keys of consecutive rows: how many of a query's keys are below its limit, then which.
// Bindings: keys (nq x key_stride), counts (nq, atomics){{ ", offsets (nq), out (pairs of key and row, a query's from its offset on)" if emit else "" }}.
// Threads: one thread a row, 256 rows a workgroup, one query in x.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<atomic<u32>>;
//% if emit
@group(0) @binding({{ slot() }}) var<storage, read> offsets: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec2<u32>>;
//% endif

struct Params {
  limit: u32,
  stride: u32,
  n: u32,
  first_row: u32,
  groups_y: u32,
  first_query: u32,
}
var<immediate> p: Params;

var<workgroup> found: atomic<u32>;
var<workgroup> base: u32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = p.first_query + wg.x;
  let x = (wg.y + wg.z * p.groups_y) * 256u + t;
  if (t == 0u) { atomicStore(&found, 0u); }
  workgroupBarrier();
  var key = NO_KEY;
  if (x < p.n) { key = keys[query * p.stride + x]; }
  let hit = key < p.limit;
  var slot = 0u;
  if (hit) { slot = atomicAdd(&found, 1u); }
  workgroupBarrier();
  // one atomic a workgroup on the query's counter
  if (t == 0u) { base = atomicAdd(&counts[query], atomicLoad(&found)); }
//% if emit
  let first = workgroupUniformLoad(&base);
  if (hit) { out[offsets[query] + first + slot] = vec2<u32>(key, p.first_row + x); }
//% else
  workgroupBarrier();
//% endif
}

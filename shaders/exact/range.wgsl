// Range selection over the keys of {{ "chosen bins" if bins else "consecutive rows" }}: how many of a query's keys are below its limit, then which.
// Bindings: keys ({{ "nq x stride x 64" if bins else "nq x key_stride" }}){{ ", chosen (nq x stride), bin_counts (nq)" if bins else "" }}, counts (nq, atomics){{ ", offsets (nq), out (pairs of key and row, a query's from its offset on)" if emit else "" }}{{ ", order_table (the row of each place)" if table else "" }}.
// Threads: one thread a row, 256 rows a workgroup, one query in x.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
//% if bins
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> bin_counts: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<atomic<u32>>;
//% if emit
@group(0) @binding({{ slot() }}) var<storage, read> offsets: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec2<u32>>;
//% if bins
{% set maps = "order" %}
{% include row_map %}
//% endif
//% endif

struct Params {
  limit: u32,
  // from one query's keys to the next one's; of bins: how many there is room for
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
//% if bins
  let n = bin_counts[query] * BIN;
  // the same for the whole workgroup
  if ((wg.y + wg.z * p.groups_y) * 256u >= n) { return; }
//% else
  let n = p.n;
//% endif
  if (t == 0u) { atomicStore(&found, 0u); }
  workgroupBarrier();
  var key = NO_KEY;
  if (x < n) { key = keys[query * p.stride{{ " * BIN" if bins else "" }} + x]; }
  let hit = key < p.limit;
  var slot = 0u;
  if (hit) { slot = atomicAdd(&found, 1u); }
  workgroupBarrier();
  // one atomic a workgroup on the query's counter
  if (t == 0u) { base = atomicAdd(&counts[query], atomicLoad(&found)); }
//% if emit
  let first = workgroupUniformLoad(&base);
  if (hit) {
    out[offsets[query] + first + slot] = vec2<u32>(key, {{ "order(chosen[query * p.stride + x / BIN] * BIN + x % BIN)" if bins else "p.first_row + x" }});
  }
//% else
  workgroupBarrier();
//% endif
}

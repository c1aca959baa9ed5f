// The nearest rows of some rows become their lists of neighbours: each without itself, unless they are other rows (p.own), NO_KEY behind the last. To the search that found them
// no hit is left, so that nothing comes to the host.
// Bindings: found_keys (nq x k, all ones behind the last), found (nq x k rows), query_ids (nq), neighbors (p.count x p.width, out), keys (nq, out), none (nq, out).
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> found_keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> found: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> query_ids: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> neighbors: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> none: array<u32>;

struct Params {
  k: u32,
  // neighbours of a row
  width: u32,
  // whether the row of its own number is one of the others
  own: u32,
  // the rows whose lists are here: others have theirs in other buffers
  first: u32,
  count: u32,
}
var<immediate> p: Params;

var<workgroup> place: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let own = query_ids[wg.x];
  let first = wg.x * p.k;
  if (t == 0u) { atomicStore(&place, p.k); }
  workgroupBarrier();
  for (var i = t; i < p.k; i += 64u) {
    if (p.own == 0u && found_keys[first + i] != NO_KEY && found[first + i] == own) { atomicMin(&place, i); }
  }
  workgroupBarrier();
  let left_out = workgroupUniformLoad(&place);
  for (var i = t; i < p.width; i += 64u) {
    let at = i + select(0u, 1u, i >= left_out);
    var row = NO_KEY;
    if (at < p.k) { row = select(NO_KEY, found[first + at], found_keys[first + at] != NO_KEY); }
    if (own >= p.first && own - p.first < p.count) { neighbors[(own - p.first) * p.width + i] = row; }
  }
  if (t == 0u) {
    keys[wg.x] = NO_KEY;
    none[wg.x] = 0u;
  }
}

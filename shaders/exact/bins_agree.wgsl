// Whether the two kernels that a query's answer comes from agree: the best key of each chosen bin, which one of them found, is the
// least of the keys that the other has of the bin's rows.
// Bindings: keys (nq x k x 64), best (nq x k), counts (nq, out; k where all agree, all ones otherwise).
// Threads: a workgroup of 64 has one query, a thread every 64th of its bins.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> best: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

struct Params {
  k: u32,
}
var<immediate> p: Params;

var<workgroup> apart: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  if (t == 0u) { atomicStore(&apart, 0u); }
  workgroupBarrier();
  // the last bin again rather than a thread without one: Mesa 26 reads descriptors of no lane, and ends there
  for (var first = 0u; first < p.k; first += 64u) {
    let i = wg.x * p.k + min(first + t, p.k - 1u);
    var least = NO_KEY;
    for (var x = 0u; x < BIN; x++) { least = min(least, keys[i * BIN + x]); }
    if (least != best[i]) { atomicAdd(&apart, 1u); }
  }
  workgroupBarrier();
  if (t == 0u) { counts[wg.x] = select(NO_KEY, p.k, atomicLoad(&apart) == 0u); }
}

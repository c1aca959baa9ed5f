// Every bin of the lists that a query probes, for searches that look at all of them.
// Bindings: pairs (nq x nprobe vec2: list, bins before it), lists (segments x nlist vec4: first bin, bins, those of earlier segments, all),
//   chosen (nq x room, out, NO_KEY behind the last), counts (nq bins).
// Threads: a workgroup of 256 has one query, a thread every 256th pair of it.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> lists: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> counts: array<u32>;

struct Params {
  nlist: u32,
  nprobe: u32,
  segments: u32,
  room: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let at = wg.x * p.room;
  for (var i = t; i < p.nprobe; i += 256u) {
    let pair = pairs[wg.x * p.nprobe + i];
    if (pair.x >= p.nlist) { continue; }
    for (var s = 0u; s < p.segments; s++) {
      let list = lists[s * p.nlist + pair.x];
      for (var bin = 0u; bin < list.y; bin++) { chosen[at + min(pair.y + list.z + bin, p.room - 1u)] = list.x + bin; }
    }
  }
  for (var i = counts[wg.x] + t; i < p.room; i += 256u) { chosen[at + i] = NO_KEY; }
}

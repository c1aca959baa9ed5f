// Queries and the lists that they probe as pairs: of each the list, and the bins of the query's lists before it.
// Bindings: probes (nq x nprobe lists), lists (nlist vec4; the last part: pages of the list in all segments),
//   pairs (nq x nprobe vec2, out), counts (nq bins, out).
// Threads: a workgroup of 256 has one query.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> probes: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> lists: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> pairs: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

struct Params {
  nlist: u32,
  nprobe: u32,
  // bins of a page
  parts: u32,
}
var<immediate> p: Params;

{% include "lib/math/prefix.wgsl" %}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  var before = 0u;
  for (var first = 0u; first < p.nprobe; first += 256u) {
    let i = first + t;
    var bins = 0u;
    var list = 0xffffffffu;
    if (i < p.nprobe) {
      list = probes[wg.x * p.nprobe + i];
      // where there are fewer lists at a finite distance
      if (list < p.nlist) { bins = lists[list].w * p.parts; }
    }
    let sum = sum_below(t, bins);
    if (i < p.nprobe) { pairs[wg.x * p.nprobe + i] = vec2<u32>(list, before + sum.x); }
    before += sum.y;
  }
  if (t == 0u) { counts[wg.x] = before; }
}

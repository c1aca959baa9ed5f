// The largest score of each group of 64 bins, so that stage B need not look at all bins of many rows with one workgroup.
// Bindings: bin_best (nq x bin_stride), group_best (nq x groups, out).
// Threads: a workgroup of 256 has one query and 16 groups; eight threads take a group, then one.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> group_best: array<f32>;

struct Params {
  bins: u32,
  bin_stride: u32,
  groups: u32,
}
var<immediate> p: Params;

var<workgroup> scores: array<f32, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = wg.y * 1024u + t;
//% for u in range(4)
  let s{{ u }} = bin_best[wg.x * p.bin_stride + min(first + {{ u * 256 }}u, p.bins - 1u)];
//% endfor
//% for u in range(4)
  // the last one again, where there are no more
  scores[{{ u * 256 }}u + t] = s{{ u }};
//% endfor
  workgroupBarrier();
  var best = SENTINEL;
  if (t < 128u) {
//% for u in range(8)
    best = max(best, scores[t * 8u + {{ u }}u]);
//% endfor
  }
  workgroupBarrier();
  if (t < 128u) { scores[t] = best; }
  workgroupBarrier();
  let group = wg.y * 16u + t;
  if (t < 16u && group < p.groups) {
    best = SENTINEL;
//% for u in range(8)
    best = max(best, scores[t * 8u + {{ u }}u]);
//% endfor
    group_best[wg.x * p.groups + group] = best;
  }
}

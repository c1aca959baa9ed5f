// Stage B of the binned scan for a radius: which bins can hold a row within it. With T the least that any such row truly scores
// (src/exact/scan/threshold.rs), E the bound of the error of any score of a bin and M its largest score, each of these rows is in a bin
// with M + E >= T.
// Bindings: bin_best (nq x bin_stride), least (nq, T), chosen (nq x max_candidates, out{{ ", NO_KEY behind the last" if normless or logs else "" }}), counts (2 x nq, out: how many are chosen, none where there are too many; then how many there are){{ "" if normless else ", bin_norm (bins%s), query_norm (nq)"|format(" of 64 rows" if bin < 64 else "") }}{{ ", bin_residual (as bin_norm), query_residual (residual_at + nq)" if rounded else "" }}.
// Threads: a workgroup of {{ threads }} has one query.
// Profile keys: kernel.select threads threads_few_queries.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> least: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

{% include "lib/tile/scan/select_params.wgsl" %}

var<workgroup> count: atomic<u32>;

{% include "lib/tile/scan/bound.wgsl" %}
@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let q = {{ "0.0" if normless else "query_norm[query]" }};
  let l = least[query];
  let at = query * p.bin_stride;
  let room = query * p.max_candidates;
  if (t == 0u) { atomicStore(&count, 0u); }
  workgroupBarrier();
  for (var b = t; b < p.bins; b += {{ threads * 8 }}u) {
    // eight loads are on their way at a time
//% for u in range(8)
    let b{{ u }} = min(b + {{ u * threads }}u, p.bins - 1u);
    let m{{ u }} = bin_best[at + b{{ u }}];
    let e{{ u }} = bound(m{{ u }}, b{{ u }}, query, q);
//% endfor
//% for u in range(8)
    if (b + {{ u * threads }}u < p.bins && m{{ u }} > NO_SCORE && m{{ u }} + e{{ u }} >= l) {
      let slot = atomicAdd(&count, 1u);
      if (slot < p.max_candidates) { chosen[room + slot] = b{{ u }}; }
    }
//% endfor
  }
  workgroupBarrier();
  let passed = workgroupUniformLoad(&count);
  // of too many none: the query is asked in another way
  let taken = select(passed, 0u, passed > p.max_candidates);
//% if normless or logs
  storageBarrier();
  // distance.wgsl is not told how many there are
  for (var i = taken + t; i < p.max_candidates; i += {{ threads }}u) { chosen[room + i] = NO_KEY; }
//% endif
  if (t == 0u) {
    counts[query] = taken;
    counts[p.nq + query] = passed;
  }
}

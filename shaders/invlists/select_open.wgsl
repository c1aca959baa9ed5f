// Stage B for codes whose rows are compared in their place: which bins can hold a hit, where the k nearest of some rows are known.
// With M the largest score of a bin of codes, E the bound of its error, e the largest slack of its rows, and T and r of hit_reach.wgsl, every row
// that is a hit is in a bin with M + E + {{ "r e" if product else "(r + e)^2 / 2" }} >= T: src/invlists/originals.rs says why.
// Bindings: bin_best (nq x bin_stride vec2, of bin_counts[query] bins the score and the number), bin_counts (nq), chosen (nq x max_candidates, out), counts (nq, out;
//   above max_candidates: too many), page_slack (pages of 64 rows), reach (nq vec2), bin_norm (bins{{ " of 64 rows" if bin < 64 else "" }}), query_norm (nq){{ ", bin_residual (as bin_norm), query_residual (residual_at + nq)" if rounded else "" }}.
// Threads: a workgroup of 256 has one query.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> bin_counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> page_slack: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> reach: array<vec2<f32>>;

{% include "lib/tile/scan/select_params.wgsl" %}

var<workgroup> count: atomic<u32>;

{% include "lib/tile/scan/bound.wgsl" %}
// What the rows of a bin may score more than their codes do, and more than its own roundings.
fn widened(bin: u32, r: f32) -> f32 {
  let e = page_slack[bin{{ " / " ~ (64 // bin) ~ "u" if bin < 64 else "" }}];
//% if product
  return r * e * 1.00000095367431640625 + p.floor;
//% else
  let both = r + e;
  return both * both * 0.500000476837158203125;
//% endif
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let bins = bin_counts[query];
  let own = reach[query];
  let q = query_norm[query];
  let at = query * p.bin_stride;
  let room = query * p.max_candidates;
  if (t == 0u) { atomicStore(&count, 0u); }
  workgroupBarrier();
  for (var b = t; b < bins; b += 1024u) {
    // four loads are on their way at a time
//% for u in range(4)
    let best{{ u }} = bin_best[at + min(b + {{ u * 256 }}u, bins - 1u)];
    let m{{ u }} = bitcast<f32>(best{{ u }}.x);
    let e{{ u }} = bound(m{{ u }}, best{{ u }}.y, query, q) + widened(best{{ u }}.y, own.y);
//% endfor
//% for u in range(4)
    if (b + {{ u * 256 }}u < bins && m{{ u }} > NO_SCORE && m{{ u }} + e{{ u }} >= own.x) {
      let slot = atomicAdd(&count, 1u);
      if (slot < p.max_candidates) { chosen[room + slot] = best{{ u }}.y; }
    }
//% endfor
  }
  workgroupBarrier();
  if (t == 0u) { counts[query] = atomicLoad(&count); }
}

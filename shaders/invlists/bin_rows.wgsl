// The rows of the bins that each query chose, those that take part, in any order: of one segment, behind those of earlier ones.
// Bindings: chosen (nq x room bins of {{ bin }} of all positions), chosen_counts (nq; more than room: the first of them are there), bias (by
//   position of the segment), rows (nq x room x {{ bin }}, out), counts (nq, in and out){{ ", bitmap (nq x words)" if bitmap else "" }}, order_table (by position of all).
// Threads: a workgroup of 256 has one query.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> chosen_counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> rows: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "order" %}
{% include row_map %}

struct Params {
  room: u32,
  n: u32,
  first: u32,
  words: u32,
}
var<immediate> p: Params;

var<workgroup> count: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let bins = min(chosen_counts[query], p.room);
  let first = query * p.room;
  if (t == 0u) { atomicStore(&count, counts[query]); }
  workgroupBarrier();
  for (var i = t; i < bins * {{ bin }}u; i += 256u) {
    let position = chosen[first + i / {{ bin }}u] * {{ bin }}u + i % {{ bin }}u;
    let at = position - p.first;
    if (position >= p.first && at < p.n) {
      let own = order(position);
      var live = bias[at] > NO_SCORE;
//% if bitmap
      live = live && (bitmap[query * p.words + own / 32u] >> (own % 32u) & 1u) != 0u;
//% endif
      if (live) {
        let slot = atomicAdd(&count, 1u);
        rows[first * {{ bin }}u + slot] = own;
      }
    }
  }
  workgroupBarrier();
  if (t == 0u) { counts[query] = atomicLoad(&count); }
}

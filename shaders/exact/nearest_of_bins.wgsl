// The nearest row of each query in the bin that has its best score, and how far it is: for callers whom a row serves as well that is nearly
// as near, since no bound says that no other bin has a nearer one. Of equal scores the first bin, of equal distances the first row.
//   labels[first + q] = row, distances[first + q] = its exact distance; both 0 of a query that no score or distance is a number of
// Bindings: rows (n x stride4 groups of four), queries (nq x q_stride4 groups of four), bin_best (nq x bin_stride), labels (first + nq, out), distances (first + nq, out){{ ", scale (n)" if scaled else "" }}.
// Threads: a workgroup of 256 has eight queries, 32 neighbours one of them; eight neighbours have four rows at a time, each four of the
// 32 partial sums.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
{% include "lib/metric/exact.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> labels: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> distances: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif

struct Params {
  nq: u32,
  n: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  bins: u32,
  bin_stride: u32,
  // where the answers of these queries begin
  first: u32,
  groups_x: u32,
}
var<immediate> p: Params;

// Of each thread its best score, then its least key, and of which bin or row.
var<workgroup> best: array<f32, 256>;
var<workgroup> least: array<u32, 256>;
var<workgroup> numbers: array<u32, 256>;
var<workgroup> parts: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let own = (wg.x + wg.y * p.groups_x) * 8u + t / 32u;
  let query = min(own, p.nq - 1u);
  let lane = t % 32u;
  var score = NO_SCORE;
  var bin = 0u;
  for (var b = lane; b < p.bins; b += 32u) {
    let other = bin_best[query * p.bin_stride + b];
    if (other > score) {
      score = other;
      bin = b;
    }
  }
  best[t] = score;
  numbers[t] = bin;
  workgroupBarrier();
//% for s in [16, 8, 4, 2, 1]
  if (lane < {{ s }}u) {
    let other = best[t + {{ s }}u];
    let number = numbers[t + {{ s }}u];
    if (other > score || (other == score && number < bin)) {
      score = other;
      bin = number;
      best[t] = other;
      numbers[t] = number;
    }
  }
  workgroupBarrier();
//% endfor
  let chosen = numbers[t - lane] * {{ bin }}u;
  let scored = best[t - lane] > NO_SCORE;
  let j = lane % 8u;
  let y = query * p.q_stride4;
  var key = NO_KEY;
  var nearest = 0u;
  var distance = 0.0;
  for (var batch = 0u; batch < {{ bin // 16 }}u; batch++) {
    let first = chosen + batch * 16u + lane / 8u;
//% for u in range(4)
    let at{{ u }} = min(first + {{ 4 * u }}u, p.n - 1u);
    var acc{{ u }} = vec4<f32>(0.0);
//% endfor
    for (var k = j; k < p.k4; k += 8u) {
      let q = queries[y + k];
//% for u in range(4)
      let x{{ u }} = row4(at{{ u }} * p.stride4 + k);
//% endfor
//% for u in range(4)
      acc{{ u }} = step4(acc{{ u }}, q, {{ "scaled_up(x%d)"|format(u) if scaled else "x%d"|format(u) }});
//% endfor
    }
//% for u in range(4)
    parts[t] = acc{{ u }};
    workgroupBarrier();
    if (j == 0u) {
      var value = tree8(parts[t], parts[t + 1u], parts[t + 2u], parts[t + 3u], parts[t + 4u], parts[t + 5u], parts[t + 6u], parts[t + 7u]);
//% if scaled
      value = clamp(scaled_down(value, scale[at{{ u }}]), -1.0, 1.0);
//% endif
      let other = {{ "ascending_key(value)" if family == "l2" else "descending_key(value)" }};
      // all ones of an exponent are no number's
      let finite = (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
      if (first + {{ 4 * u }}u < p.n && finite && other < key) {
        key = other;
        nearest = at{{ u }};
        distance = value;
      }
    }
    workgroupBarrier();
//% endfor
  }
  least[t] = key;
  numbers[t] = nearest;
  best[t] = distance;
  workgroupBarrier();
  if (lane == 0u && own < p.nq) {
//% for s in [8, 16, 24]
    if (least[t + {{ s }}u] < key || (least[t + {{ s }}u] == key && numbers[t + {{ s }}u] < nearest)) {
      key = least[t + {{ s }}u];
      nearest = numbers[t + {{ s }}u];
      distance = best[t + {{ s }}u];
    }
//% endfor
    let found = scored && key != NO_KEY;
    labels[p.first + own] = select(0u, nearest, found);
    distances[p.first + own] = select(0.0, distance, found);
  }
}

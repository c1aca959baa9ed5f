// Sums of points by cluster, cut into pieces so that a large cluster takes no longer than many small ones. The points stand in an order
// by their clusters, those of cluster c at places first[c] to first[c + 1]; a piece is what a cluster has of one block of 256 places.
// Cluster c and block b meet in slot c + b, which no other pair does: along the order one of the two grows, or both.
//   sums[slot] = sum w x, facts[slot] = (sum of w and the distance, sum of w, whether the points differ), w = {{ "the weight" if weighted else "1" }}{{ " / |x|, of the sums of points alone" if scaled else "" }}
// Bindings: rows (n x stride4 groups of four), order (n), first (clusters + 1), distances (n){{ ", weights (n)" if weighted else "" }}{{ ", norms (n)" if scaled else "" }}, sums (slots x k4 vec4, out), facts (slots x slices vec4, out).
// Threads: a workgroup of 256 has a slot and, of each row, {{ cols }} groups of four, a slice; {{ 256 // cols }} threads share the points of a group.
// Profile keys: none.

{% set lanes = 256 // cols %}
{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> order: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> first: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> distances: array<f32>;
//% if weighted
@group(0) @binding({{ slot() }}) var<storage, read> weights: array<f32>;
//% endif
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> norms: array<f32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> sums: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> facts: array<vec4<f32>>;

struct Params {
  clusters: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
  slices: u32,
}
var<immediate> p: Params;

const BLOCK = 256u;
var<workgroup> members: array<u32, 256>;
//% if weighted or scaled
var<workgroup> factors: array<f32, 256>;
//% endif
var<workgroup> parts: array<vec4<f32>, 256>;
var<workgroup> found: array<vec4<f32>, 256>;

// The last cluster whose first slot is not behind this one.
fn cluster_of(slot: u32) -> u32 {
  var low = 0u;
  var high = p.clusters;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (middle + first[middle] / BLOCK <= slot) { low = middle; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let slot = wg.x + wg.y * p.groups_x;
  let cluster = cluster_of(slot);
  let block = (slot - cluster) * BLOCK;
  // of a slot where they do not meet the end is not behind the beginning
  let begin = max(first[cluster], block);
  let end = min(first[cluster + 1u], block + BLOCK);
  var fact = vec4<f32>(0.0);
  if (block + t >= begin && block + t < end) {
    let x = order[block + t];
    members[t] = x;
    let weight = {{ "weights[x]" if weighted else "1.0" }};
//% if scaled
    factors[t] = select(weight / norms[x], 0.0, norms[x] == 0.0);
//% elif weighted
    factors[t] = weight;
//% endif
    // once, whatever the slices
    if (wg.z == 0u) { fact = vec4<f32>(weight * distances[x], weight, 0.0, 0.0); }
  }
  workgroupBarrier();
  let lane = t / {{ cols }}u;
  let k = wg.z * {{ cols }}u + t % {{ cols }}u;
  var acc = vec4<f32>(0.0);
  if (k < p.k4 && begin < end) {
    let same = row4(order[first[cluster]] * p.stride4 + k);
    var differs = vec4<bool>(false);
    let last = end - block;
    var i = begin - block + lane;
    // four loads at a time wait for memory together
    while (i + {{ 3 * lanes }}u < last) {
//% for u in range(4)
      let v{{ u }} = row4(members[i + {{ u * lanes }}u] * p.stride4 + k);
//% endfor
//% for u in range(4)
      acc = {{ "fma(v" ~ u ~ ", vec4<f32>(factors[i + " ~ (u * lanes) ~ "u]), acc)" if weighted or scaled else "acc + v" ~ u }};
      differs = differs | (v{{ u }} != same);
//% endfor
      i += {{ 4 * lanes }}u;
    }
    while (i < last) {
      let v = row4(members[i] * p.stride4 + k);
      acc = {{ "fma(v, vec4<f32>(factors[i]), acc)" if weighted or scaled else "acc + v" }};
      differs = differs | (v != same);
      i += {{ lanes }}u;
    }
    fact.z = select(0.0, 1.0, any(differs));
  }
  parts[t] = acc;
  found[t] = fact;
  workgroupBarrier();
//% for s in [128, 64, 32, 16, 8, 4, 2, 1]
  if (t < {{ s }}u) {
//% if s >= cols
    parts[t] += parts[t + {{ s }}u];
//% endif
    found[t] += found[t + {{ s }}u];
  }
  workgroupBarrier();
//% endfor
  if (begin < end) {
    if (lane == 0u && k < p.k4) { sums[slot * p.k4 + k] = parts[t]; }
    if (t == 0u) { facts[slot * p.slices + wg.z] = found[0]; }
  }
}

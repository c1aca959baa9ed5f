// The sums of whole clusters from those of their pieces (sum_pieces.wgsl), in one order, whatever is computed when.
//   out[c] = {{ "out[c] + " if add else "" }}sum of the pieces' sums, out_facts[c] = (sum of w and the distance, sum of w, whether the points differ, points)
// Bindings: sums (slots x k4 vec4), facts (slots x slices vec4), first (clusters + 1), out (clusters x k4 vec4, out), out_facts (clusters vec4, out).
// Threads: a workgroup of 256 has a cluster and a slice of {{ cols }} groups of four; {{ 256 // cols }} threads share the pieces of a group.
// Profile keys: none.

{% set lanes = 256 // cols %}
@group(0) @binding({{ slot() }}) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> facts: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> first: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out_facts: array<vec4<u32>>;

struct Params {
  clusters: u32,
  k4: u32,
  groups_x: u32,
  slices: u32,
  // where the facts of these points begin in out_facts
  facts_at: u32,
}
var<immediate> p: Params;

const BLOCK = 256u;
var<workgroup> parts: array<vec4<f32>, 256>;
var<workgroup> found: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let cluster = wg.x + wg.y * p.groups_x;
  let there = cluster < p.clusters;
  var begin = 0u;
  var end = 0u;
  if (there) {
    begin = first[cluster];
    end = first[cluster + 1u];
  }
  let slot = cluster + begin / BLOCK;
  let pieces = select(0u, (max(end, 1u) - 1u) / BLOCK + 1u - begin / BLOCK, begin < end);
  let k = wg.z * {{ cols }}u + t % {{ cols }}u;
  var acc = vec4<f32>(0.0);
  if (k < p.k4) {
    for (var i = t / {{ cols }}u; i < pieces; i += {{ lanes }}u) { acc += sums[(slot + i) * p.k4 + k]; }
  }
  var fact = vec4<f32>(0.0);
  if (wg.z == 0u) {
    for (var i = t; i < pieces * p.slices; i += 256u) { fact += facts[slot * p.slices + i]; }
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
  if (there && t < {{ cols }}u && k < p.k4) {
    let at = cluster * p.k4 + k;
    out[at] = {{ "out[at] + parts[t]" if add else "parts[t]" }};
  }
  if (there && t == 0u && wg.z == 0u) {
    let fact = found[0];
    out_facts[p.facts_at + cluster] = vec4<u32>(bitcast<u32>(fact.x), bitcast<u32>(fact.y), select(0u, 1u, fact.z > 0.0), end - begin);
  }
}

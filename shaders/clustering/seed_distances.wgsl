// k-means++: how far each point is from the nearest centroid so far, when one more is there, and the sums of that over blocks of points.
//   least[x] = {{ "" if begin else "min of least[x] and " }}{{ "w " if weighted else "" }}|x - c|^2{{ ", x brought to length 1" if scaled else "" }}
// Bindings: rows (n x stride4 groups of four), centroids (k x k4 vec4){{ ", weights (n)" if weighted else "" }}{{ ", norms (n)" if scaled else "" }}, least (256 a block, in and out), sums (blocks, out).
// Threads: a workgroup of 256 has a block of 256 points; eight neighbours have one of them, 32 points at a time.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> centroids: array<vec4<f32>>;
//% if weighted
@group(0) @binding({{ slot() }}) var<storage, read> weights: array<f32>;
//% endif
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> norms: array<f32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> least: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> sums: array<f32>;

struct Params {
  n: u32,
  k4: u32,
  stride4: u32,
  // which centroid is new
  centroid: u32,
  // the number of the first block, where the points before have theirs
  first_block: u32,
  groups_x: u32,
}
var<immediate> p: Params;

var<workgroup> parts: array<f32, 256>;
var<workgroup> squares: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let block = wg.x + wg.y * p.groups_x;
  for (var side = 0u; side < 256u; side += 32u) {
    let x = min(block * 256u + side + t / 8u, p.n - 1u);
    let factor = {{ "select(1.0 / norms[x], 0.0, norms[x] == 0.0)" if scaled else "1.0" }};
    var acc = vec4<f32>(0.0);
    for (var k = t % 8u; k < p.k4; k += 8u) {
      let v = {{ "row4(x * p.stride4 + k) * factor" if scaled else "row4(x * p.stride4 + k)" }} - centroids[p.centroid * p.k4 + k];
      acc = fma(v, v, acc);
    }
    parts[t] = (acc.x + acc.y) + (acc.z + acc.w);
    workgroupBarrier();
    if (t % 8u == 0u) {
      var sum = 0.0;
      for (var i = 0u; i < 8u; i++) { sum += parts[t + i]; }
      squares[side + t / 8u] = {{ "sum * weights[x]" if weighted else "sum" }};
    }
    workgroupBarrier();
  }
  let at = (p.first_block + block) * 256u + t;
  let own = block * 256u + t < p.n;
  var distance = select(0.0, squares[t], own);
//% if not begin
  if (own) { distance = min(distance, least[at]); }
//% endif
  if (block * 256u < p.n) { least[at] = distance; }
  parts[t] = distance;
  workgroupBarrier();
//% for s in [128, 64, 32, 16, 8, 4, 2, 1]
  if (t < {{ s }}u) { parts[t] += parts[t + {{ s }}u]; }
  workgroupBarrier();
//% endfor
  if (t == 0u && block * 256u < p.n) { sums[p.first_block + block] = parts[0]; }
}

// Means of clusters: centroids[c] = sums[c] inverse[c]; where inverse[c] is 0 a centroid stays as it is.
// Bindings: sums (clusters x k4 vec4), inverse (clusters), centroids (clusters x k4 vec4, in and out).
// Threads: one thread a vec4.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> inverse: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> centroids: array<vec4<f32>>;

struct Params {
  clusters: u32,
  k4: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let cluster = i / p.k4;
  if (cluster >= p.clusters) { return; }
  let factor = inverse[cluster];
  if (factor != 0.0) { centroids[i] = sums[i] * factor; }
}

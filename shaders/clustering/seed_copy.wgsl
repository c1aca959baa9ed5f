// k-means++: the point that was chosen becomes a centroid, if it is one of these: centroids[centroid] = x{{ " / |x|" if scaled else "" }}.
// Bindings: rows (n x stride4 groups of four), chosen (centroids), centroids (centroids x k4 vec4, out){{ ", norms (n)" if scaled else "" }}.
// Threads: one workgroup of 256, each thread every 256th group of four.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> centroids: array<vec4<f32>>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> norms: array<f32>;
//% endif

struct Params {
  n: u32,
  k4: u32,
  stride4: u32,
  centroid: u32,
  // the place of the first of these points
  first: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) t: u32) {
  let place = chosen[p.centroid];
  // of a place before these points the difference is large
  let x = place - p.first;
  if (place < p.first || x >= p.n) { return; }
  let factor = {{ "select(1.0 / norms[x], 0.0, norms[x] == 0.0)" if scaled else "1.0" }};
  for (var k = t; k < p.k4; k += 256u) {
    centroids[p.centroid * p.k4 + k] = {{ "row4(x * p.stride4 + k) * factor" if scaled else "row4(x * p.stride4 + k)" }};
  }
}

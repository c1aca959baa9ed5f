// The copy of rows in 8 bits: x' = i copy_scale, i whole and at most 127 in magnitude, copy_scale the row's largest element / 127.
// How far x' is from x is measured from the stored bits by residual.
// Bindings: rows (n x stride4 groups of four), copy (n x out_stride4 groups of four, out), copy_scale (n, out){{ ", scale (n)" if scaled else "" }}.
// Threads: a workgroup of 256 has one bin; eight neighbours have one row, 32 rows at a time, twice.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
{% include "lib/load/rows.wgsl" %}
{% include "lib/math/largest.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read_write> copy: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> copy_scale: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif

struct Params {
  first: u32,
  n: u32,
  k4: u32,
  stride4: u32,
  out_stride4: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let bin = p.first / BIN + wg.x + wg.y * p.groups_x;
  if (bin * BIN >= p.n) { return; }
  let j = t % 8u;
  for (var side = 0u; side < 64u; side += 32u) {
    let x = bin * BIN + side + t / 8u;
    let own = min(x, p.n - 1u);
    let most = largest_of(t, own);
    // what is too small for 1 / most is stored as 0
    let holds = most > 1e-30;
    let inverse = select(0.0, 127.0 / most, holds);
    // rows of the same bin that are there already keep what they have
    if (x >= p.first && x < p.n) {
      if (j == 0u) { copy_scale[x] = select(0.0, most / 127.0, holds){{ " * scale[x]" if scaled else "" }}; }
      for (var k = j; k < p.out_stride4; k += 8u) {
        let v = select(vec4<f32>(0.0), row4_at(own, min(k, p.k4 - 1u)), k < p.k4);
        copy[x * p.out_stride4 + k] = pack4xI8(vec4<i32>(round(v * inverse)));
      }
    }
  }
}

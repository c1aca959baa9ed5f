// The scaled f16 copy of rows{{ "' logarithms" if logs else "" }} for the matrix units: x' = f16({{ "ln x" if logs else "x" }} factor), rows padded with zeros to whole slabs of the tile.
// What is below 2^-14 after scaling is stored as 0: matrix units may flush it anyway. How far x' is from x is measured
// from the stored bits by residual, never here: compilers fold f32(f16(x)) to x.
// Bindings: rows (n x stride4 groups of four), copy (rows x out_stride4 pairs of u32, out){{ ", scale (n)" if scaled else "" }}.
// Threads: one thread four elements of one row.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
//% if logs
{% include "lib/math/log.wgsl" %}
{% include "lib/math/logs.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> copy: array<vec2<u32>>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif

struct Params {
  first: u32,
  // rows from `last` on are zeros, up to `end`
  last: u32,
  end: u32,
  k4: u32,
  stride4: u32,
  out_stride4: u32,
  groups_x: u32,
  factor: f32,
  dim: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let row = p.first + i / p.out_stride4;
  let k = i % p.out_stride4;
  if (row >= p.end) { return; }
  var v = vec4<f32>(0.0);
  if (row < p.last && k < p.k4) {
    let x = row4(row * p.stride4 + k);
    // 1 / |x| times the factor may be beyond f32
    v = {{ "logs_of(x)" if logs else "x" }}{{ " * scale[row]" if scaled else "" }} * p.factor;
    v = select(v, vec4<f32>(0.0), abs(v) < vec4<f32>(0.00006103515625));
//% if logs
    v = select(v, vec4<f32>(NO_LOG), zeros_of(x, k));
//% endif
  }
  copy[row * p.out_stride4 + k] = vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));
}

// The copy of rows as codes of a scalar quantizer: y = c - levels / 2, c the number of the step of its dimension that an element lies in,
// floor((x - minimum) / step), no less than 0 and no more than levels - 1; bytes behind the elements of a row are zeros.
// How far what the codes stand for is from the rows is measured from the stored bytes by residual.
// Bindings: rows (n x stride4 groups of four), ranges (vec4: k4 minima, k4 steps, then factors), copy (n x out_stride4 groups of four, out).
// Threads: one thread four elements of one row.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> ranges: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> copy: array<u32>;

struct Params {
  // rows of the segment that are copied
  first: u32,
  last: u32,
  k4: u32,
  stride4: u32,
  out_stride4: u32,
  groups_x: u32,
  levels: f32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let row = p.first + i / p.out_stride4;
  let k = i % p.out_stride4;
  if (row >= p.last) { return; }
  var y = vec4<i32>(0);
  if (k < p.k4) {
    let low = ranges[k];
    let step = ranges[p.k4 + k];
    // what is beyond the range comes to its ends first, so that no quotient is beyond f32
    let x = clamp(row4(row * p.stride4 + k), low, low + step * p.levels) - low;
    let c = select(vec4<f32>(0.0), floor(x / select(vec4<f32>(1.0), step, step > vec4<f32>(0.0))), step > vec4<f32>(0.0));
    y = vec4<i32>(clamp(c, vec4<f32>(0.0), vec4<f32>(p.levels - 1.0)) - 0.5 * p.levels);
  }
  copy[row * p.out_stride4 + k] = pack4xI8(y);
}

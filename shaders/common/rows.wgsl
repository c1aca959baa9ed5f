// Row storage as groups of four elements, one function whatever the type: row4(i) is group i as f32, row4i(i) as i32.
// Included with `dtype` and `rows_binding`. f16 goes through integers, so that it needs no f16 feature and keeps subnormals.

//% if dtype == "f32"
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<vec4<f32>>;
fn row4(i: u32) -> vec4<f32> { return rows[i]; }
//% elif dtype == "half"
// the scaled copy has no subnormals, which unpack2x16float may flush
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<vec2<u32>>;
fn row4(i: u32) -> vec4<f32> {
  let w = rows[i];
  return vec4<f32>(unpack2x16float(w.x), unpack2x16float(w.y));
}
//% elif dtype == "f16"
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<vec2<u32>>;
{% include "common/half.wgsl" %}
fn row4(i: u32) -> vec4<f32> {
  let w = rows[i];
  return vec4<f32>(half_of(w.x & 0xffffu), half_of(w.x >> 16u), half_of(w.y & 0xffffu), half_of(w.y >> 16u));
}
//% elif dtype == "bf16"
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<vec2<u32>>;
fn row4(i: u32) -> vec4<f32> {
  let w = rows[i];
  return bitcast<vec4<f32>>(vec4<u32>(w.x << 16u, w.x & 0xffff0000u, w.y << 16u, w.y & 0xffff0000u));
}
//% elif dtype == "i8"
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<u32>;
fn row4i(i: u32) -> vec4<i32> { return unpack4xI8(rows[i]); }
fn row4(i: u32) -> vec4<f32> { return vec4<f32>(row4i(i)); }
//% elif dtype == "u8"
@group(0) @binding({{ rows_binding }}) var<storage, read> rows: array<u32>;
fn row4i(i: u32) -> vec4<i32> { return vec4<i32>(unpack4xU8(rows[i])); }
fn row4(i: u32) -> vec4<f32> { return vec4<f32>(row4i(i)); }
//% endif

// Four elements of a row as they are stored: the type Group, and floats() as f32. Included with `dtype`.
// f16 goes through integers, so that it needs no f16 feature and keeps subnormals.

//% if dtype == "f32"
alias Group = vec4<f32>;
fn floats(g: Group) -> vec4<f32> { return g; }
//% elif dtype == "f16"
alias Group = vec2<u32>;
{% include "lib/load/half.wgsl" %}
fn floats(g: Group) -> vec4<f32> {
  return vec4<f32>(half_of(g.x & 0xffffu), half_of(g.x >> 16u), half_of(g.y & 0xffffu), half_of(g.y >> 16u));
}
//% elif dtype == "bf16"
alias Group = vec2<u32>;
fn floats(g: Group) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(g.x << 16u, g.x & 0xffff0000u, g.y << 16u, g.y & 0xffff0000u));
}
//% elif dtype == "f16copy"
// f16 that has no subnormals, or whose loss of them is counted: unpack2x16float may flush them
alias Group = vec2<u32>;
fn floats(g: Group) -> vec4<f32> { return vec4<f32>(unpack2x16float(g.x), unpack2x16float(g.y)); }
//% else
alias Group = u32;
fn integers(g: Group) -> vec4<i32> { return {{ "vec4<i32>(unpack4xU8(g))" if dtype == "u8" else "unpack4xI8(g)" }}; }
fn floats(g: Group) -> vec4<f32> { return vec4<f32>(integers(g)); }
//% endif

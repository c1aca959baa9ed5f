// Numbers rounded to those that f16 has, half of a step away from 0, and what is below 2^-14 to 0: in integers, so that no compiler leaves
// the rounding out, and that the conversion to f16 which follows is exact, however a device rounds.
// Included with `dtype`: of rabitq, rf16 and rbf16 nobody knows how long rows may be that are to come, and what is beyond f16 becomes its
// largest number.
fn on_grid(v: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(v);
//% if dtype in ["rabitq", "rf16", "rbf16"]
  let size = min((bits & vec4<u32>(0x7fffffffu)) + vec4<u32>(0x1000u), vec4<u32>(0x477fe000u)) & vec4<u32>(0xffffe000u);
  let rounded = size | (bits & vec4<u32>(0x80000000u));
//% else
  let rounded = (bits + vec4<u32>(0x1000u)) & vec4<u32>(0xffffe000u);
//% endif
  return bitcast<vec4<f32>>(select(rounded, vec4<u32>(0u), (bits & vec4<u32>(0x7fffffffu)) < vec4<u32>(0x38800000u)));
}

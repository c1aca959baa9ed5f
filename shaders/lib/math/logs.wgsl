// The logarithms of a row's elements, for Kullback-Leibler as a product with them. Included after lib/math/log.wgsl, with p.dim the
// elements of a row. Elements are not negative, and subnormal ones keep their value.

// Stored where an element is 0, whose logarithm is no number: far below the others, 32768 being an f16.
const NO_LOG: f32 = -32768.0;

fn log_of(x: f32) -> f32 {
  let parts = parts_of(x);
  return select(ln_scaled(parts.m, parts.exponent), 0.0, (bitcast<u32>(x) & 0x7fffffffu) == 0u);
}

// 0 counts as 0, and so does the padding, which is 0.
fn logs_of(v: vec4<f32>) -> vec4<f32> { return vec4<f32>(log_of(v.x), log_of(v.y), log_of(v.z), log_of(v.w)); }

// Which elements of group k are 0, the padding aside.
fn zeros_of(v: vec4<f32>, k: u32) -> vec4<bool> {
  let inside = vec4<u32>(k * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.dim);
  return ((bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) == vec4<u32>(0u)) & inside;
}

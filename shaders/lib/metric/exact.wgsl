// One step of the exact distances that go through the tree: accumulators of four elements. `family` is
// l2 (sum (q - x)^2, never expanded) or dot. The fma is explicit, so that a compiler has nothing to contract.

//% if scaled
// Cosine: elements are brought up by 2^60, so that products with those of a unit query do not vanish however short the row
// is (at least 2^-126), nor overflow however long (at most 2^60); scaled_down() takes that back with the row's 1 / |x|.
// There 2^-60 goes into the exponent of 1 / |x|, which is 0 or normal: a product of three could be taken in another order.
fn scaled_up(x: vec4<f32>) -> vec4<f32> { return x * 1152921504606846976.0; }
fn scaled_down(sum: f32, scale: f32) -> f32 { return sum * select(bitcast<f32>(bitcast<u32>(scale) - 0x1e000000u), 0.0, scale == 0.0); }
//% endif
//% if family == "l2"
fn step4(acc: vec4<f32>, q: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
  let z = q - x;
  return fma(z, z, acc);
}
//% else
fn step4(acc: vec4<f32>, q: vec4<f32>, x: vec4<f32>) -> vec4<f32> {
  return fma(q, x, acc);
}
//% endif

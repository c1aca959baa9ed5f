// One step of the exact distances that go through the tree: accumulators of four elements. `family` is
// l2 (sum (q - x)^2, never expanded) or dot. The fma is explicit, so that a compiler has nothing to contract.

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

// The one summation tree of exact distances. 32 partial sums, partial l over the elements l, l + 32, l + 64, ... in order,
// held as eight vec4; then pairs. It does not depend on the subgroup size or on who holds the partials, so every kernel
// that uses it gives the same bits. Included with what lib/math/plus.wgsl asks for.

{% include "lib/math/plus.wgsl" %}
fn tree8(p0: vec4<f32>, p1: vec4<f32>, p2: vec4<f32>, p3: vec4<f32>, p4: vec4<f32>, p5: vec4<f32>, p6: vec4<f32>, p7: vec4<f32>) -> f32 {
  let v = plus4(plus4(plus4(p0, p1), plus4(p2, p3)), plus4(plus4(p4, p5), plus4(p6, p7)));
  return plus(plus(v.x, v.y), plus(v.z, v.w));
}

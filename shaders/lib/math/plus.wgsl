// Sums whose order a compiler must keep. Under fast math, which Metal has as wgpu calls it, a compiler may add in another order, in
// one kernel perhaps and in another not, or for one of two queries of a kernel. A fused multiply-add leaves it no choice where
// it cannot know the factor to be 1; it is as exact as the addition, and costs no more.
// Included with `small`, a u32 of the parameters that is below 2^31.
fn one() -> f32 { return bitcast<f32>(0x3f800000u | ({{ small }} >> 31u)); }
fn plus(a: f32, b: f32) -> f32 { return fma(a, one(), b); }
fn plus4(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> { return fma(a, vec4<f32>(one()), b); }

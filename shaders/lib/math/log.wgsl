// Natural logarithm and power of our own: the built-ins differ from vendor to vendor by far more than a rounding
// (SwiftShader's log(0) is -88, Vulkan allows 2^-21 near 1), and the metrics should not.

// ln(x) for finite x > 0, to about 2 units in the last place. Subnormal x counts as the smallest normal number.
fn ln(x: f32) -> f32 {
  let bits = max(bitcast<u32>(x), 0x00800000u);
  // m in [sqrt(1/2), sqrt(2)), so that numbers near 1 have exponent 0 and lose nothing to cancellation
  let shifted = bits - 0x3f3504f3u;
  let e = f32(bitcast<i32>(shifted) >> 23u);
  let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
  // ln(m) = 2 atanh(s) with s = f / (2 + f); |s| < 0.1716
  let f = m - 1.0;
  let s = f / (2.0 + f);
  let z = s * s;
  let p = z * (0.66666667 + z * (0.4 + z * (0.28571430 + z * (0.22222222 + z * 0.18181819))));
  // f - s (f - p) keeps the leading term f exact
  let ln_m = f - s * (f - p);
  return e * 0.693145751953125 + (e * 1.4286068203094172e-6 + ln_m);
}

// 2^y for |y| < 126 by the polynomial of e^(y ln 2) on [-1/2, 1/2].
fn exp2_of(y: f32) -> f32 {
  let n = round(clamp(y, -126.0, 127.0));
  let r = (clamp(y, -126.0, 127.0) - n) * 0.6931471805599453;
  let p = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666667 + r * (0.041666667 + r * (0.0083333333 + r * 0.0013888889)))));
  return p * bitcast<f32>((u32(i32(n) + 127)) << 23u);
}

// z^p for z >= 0, p > 0.
fn power(z: f32, p: f32) -> f32 {
  if (z < 1.1754944e-38) { return 0.0; }
  return exp2_of(p * (ln(z) * 1.4426950408889634));
}

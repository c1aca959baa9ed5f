// Natural logarithm and power of our own: the built-ins differ from vendor to vendor by far more than a rounding
// (SwiftShader's log(0) is -88, Vulkan allows 2^-21 near 1), and the metrics should not. Every fma is explicit, so that a compiler
// has nothing to contract, in one kernel perhaps and in another not.

// ln(2^e x) for finite x > 0, to about 2 units in the last place. Subnormal x counts as the smallest normal number.
fn ln_scaled(x: f32, exponent: i32) -> f32 {
  let bits = max(bitcast<u32>(x), 0x00800000u);
  // m in [sqrt(1/2), sqrt(2)), so that numbers near 1 have exponent 0 and lose nothing to cancellation
  let shifted = bits - 0x3f3504f3u;
  let e = f32((bitcast<i32>(shifted) >> 23u) + exponent);
  let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
  // ln(m) = 2 atanh(s) with s = f / (2 + f); |s| < 0.1716
  let f = m - 1.0;
  let s = f / (2.0 + f);
  let z = s * s;
  let p = fma(z, fma(z, fma(z, fma(z, 0.18181819, 0.22222222), 0.28571430), 0.4), 0.66666667);
  // f - s (f - z p) keeps the leading term f exact
  let ln_m = fma(-s, fma(-z, p, f), f);
  return fma(e, 0.693145751953125, fma(e, 1.4286068203094172e-6, ln_m));
}

fn ln(x: f32) -> f32 { return ln_scaled(x, 0); }

// x = m 2^exponent with m in [1, 2). Taken from the bits, so that a subnormal number keeps its value whatever a device makes of it
// in arithmetic: it is a whole multiple of 2^-149.
struct Parts { m: f32, exponent: i32 }

fn parts_of(x: f32) -> Parts {
  let raw = bitcast<u32>(x) & 0x7fffffffu;
  let subnormal = raw < 0x00800000u;
  let bits = select(raw, bitcast<u32>(f32(raw)), subnormal);
  let exponent = i32(bits >> 23u) - select(127, 276, subnormal);
  return Parts(bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u), exponent);
}

// ln(a / b) for finite a, b > 0, whose quotient may be beyond f32.
fn ln_ratio(a: f32, b: f32) -> f32 {
  let above = parts_of(a);
  let below = parts_of(b);
  return ln_scaled(above.m / below.m, above.exponent - below.exponent);
}

// 2^y by the polynomial of e^(y ln 2) on [-1/2, 1/2]: infinite from y = 128 on, below 2^-126 perhaps 0.
fn exp2_of(y: f32) -> f32 {
  let c = clamp(y, -150.0, 128.0);
  let n = round(c);
  let r = (c - n) * 0.6931471805599453;
  let tail = fma(r, fma(r, fma(r, 0.0013888889, 0.0083333333), 0.041666667), 0.16666667);
  let p = fma(r, fma(r, fma(r, tail, 0.5), 1.0), 1.0);
  // in two steps, since 2^128 is no f32 but p 2^128 may be
  let half = i32(n) >> 1u;
  return p * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(i32(n) - half + 127) << 23u);
}

// (2^exponent z)^p for z >= 0, p > 0.
fn power(z: f32, exponent: i32, p: f32) -> f32 {
  if (z < 1.1754944e-38) { return 0.0; }
  return exp2_of(p * (ln_scaled(z, exponent) * 1.4426950408889634));
}

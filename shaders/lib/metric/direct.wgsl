// Metrics that are summed element by element, in order, in a state of two numbers: start(), step(), and finish(), whose
// second component is 0 where the pair is not a hit. Definitions: src/metric.rs. `family` names the metric. Every fma is explicit, so
// that a compiler has nothing to contract, and sums are those of lib/math/plus.wgsl, whose order it keeps. Included after that.

fn is_nan(v: f32) -> bool {
  // Metal compiles with fast math and may drop v != v
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn is_zero(v: f32) -> bool {
  // v == 0.0 holds for subnormal numbers, too, where a device flushes them
  return (bitcast<u32>(v) & 0x7fffffffu) == 0u;
}

// Neither zero nor subnormal nor infinite nor NaN, of v >= 0.
fn is_normal(v: f32) -> bool { return bitcast<u32>(v) - 0x00800000u < 0x7f000000u; }

fn is_negative(v: f32) -> bool { return bitcast<u32>(v) > 0x80000000u; }

// What is above f32 counts as its largest number. In integers: under fast math a compiler need not know infinity.
fn saturated(v: f32) -> f32 { return bitcast<f32>(min(bitcast<u32>(v) & 0x7fffffffu, 0x7f7fffffu)); }

// Differences of normal numbers may be subnormal, which some devices flush. Brought up by 2^40, as fma(q, UP, -raised(x)), they are
// normal, and no sum of them overflows: elements are at most 2^60.
const UP: f32 = 1099511627776.0;

// x UP, in the exponent: of two products with UP compilers may make one of the difference.
fn raised(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(bitcast<f32>(bits + 0x14000000u), x * UP, (bits & 0x7f800000u) == 0u);
}

fn start() -> vec2<f32> { return vec2<f32>(0.0, 0.0); }

//% if family == "l1"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(plus(abs(q - x), s.x), 0.0); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "linf"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(max(s.x, abs(q - x)), 0.0); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "lp"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { 
  return vec2<f32>(plus(power(abs(fma(q, UP, -raised(x))), -40, p.argument), s.x), 0.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(saturated(s.x), 1.0); }
//% elif family == "canberra"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  let y = raised(x);
  let w = fma(abs(q), UP, abs(y));
  return vec2<f32>(plus(select(abs(fma(q, UP, -y)) / w, 0.0, w == 0.0), s.x), 0.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "braycurtis"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  let y = raised(x);
  return vec2<f32>(plus(abs(fma(q, UP, -y)), s.x), plus(abs(fma(q, UP, y)), s.y));
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> {
  // 0/0 is 0 by definition; a positive sum over 0 (q = -x) is not a number, so not a hit
  return vec2<f32>(select(saturated(s.x / s.y), 0.0, s.y == 0.0), select(1.0, 0.0, s.y == 0.0 && s.x > 0.0));
}
//% elif family == "jaccard"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(plus(min(q, x), s.x), plus(max(q, x), s.y)); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(select(s.x / s.y, 1.0, s.y == 0.0), 1.0); }
//% elif family == "jensenshannon"
// 0 ln 0 = 0
fn ln_part(a: f32, m: f32) -> f32 {
  if (is_zero(a)) { return 0.0; }
  return ln(a / m);
}
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  // no divisor vanishes: of such small elements nothing is lost that counts
  let m = max(0.5 * (q + x), 1.1754944e-38);
  // the larger first, so that it is the same from q to x as from x to q
  let a = max(q, x);
  let b = min(q, x);
  return vec2<f32>(plus(fma(a, ln_part(a, m), b * ln_part(b, m)), s.x), 0.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(0.5 * s.x, 1.0); }
//% elif family == "kl"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  if (is_zero(q)) { return s; }
  if (is_zero(x)) { return vec2<f32>(s.x, 1.0); }
  let r = q / x;
  if (is_normal(r)) { return vec2<f32>(fma(q, ln(r), s.x), s.y); }
  return vec2<f32>(fma(q, ln_ratio(q, x), s.x), s.y);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0 - s.y); }
//% elif family == "naneuclidean"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  if (is_nan(q) || is_nan(x)) { return s; }
  let z = q - x;
  return vec2<f32>(fma(z, z, s.x), s.y + 1.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> {
  let present = max(s.y, 1.0);
  return vec2<f32>(saturated(s.x * (d / present)), min(s.y, 1.0));
}
//% elif family == "gower"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  if (is_nan(q) || is_nan(x)) { return s; }
  // mixed signs, or a number that is not in [0, 1], spoil the pair for good: the count goes far below zero and stays there
  if (is_negative(q) != is_negative(x) || max(q, x) > 1.0) { return vec2<f32>(s.x, -1e9); }
  // the codes of categories are equal where their bits are
  let z = select(abs(q - x), select(0.0, 1.0, bitcast<u32>(q) != bitcast<u32>(x)), is_negative(q));
  return vec2<f32>(plus(z, s.x), s.y + 1.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> {
  return vec2<f32>(s.x / max(s.y, 1.0), select(0.0, 1.0, s.y >= 1.0));
}
//% endif

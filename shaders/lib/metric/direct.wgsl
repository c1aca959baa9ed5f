// Metrics that are summed element by element, in order, in a state of two numbers: start(), step(), and finish(), whose
// second component is 0 where the pair is not a hit. Definitions: src/metric.rs. `family` names the metric.

fn is_nan(v: f32) -> bool {
  // Metal compiles with fast math and may drop v != v
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

fn start() -> vec2<f32> { return vec2<f32>(0.0, 0.0); }

//% if family == "l1"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(s.x + abs(q - x), 0.0); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "linf"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(max(s.x, abs(q - x)), 0.0); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "lp"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(s.x + power(abs(q - x), p.argument), 0.0); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "canberra"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  let w = abs(q) + abs(x);
  return vec2<f32>(s.x + select(abs(q - x) / w, 0.0, w == 0.0), 0.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(s.x, 1.0); }
//% elif family == "braycurtis"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return s + vec2<f32>(abs(q - x), abs(q + x)); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> {
  // 0/0 is 0 by definition; a positive sum over 0 (q = -x) is not a number, so not a hit
  return vec2<f32>(select(s.x / s.y, 0.0, s.y == 0.0), select(1.0, 0.0, s.y == 0.0 && s.x > 0.0));
}
//% elif family == "jaccard"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return s + vec2<f32>(min(q, x), max(q, x)); }
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(select(s.x / s.y, 1.0, s.y == 0.0), 1.0); }
//% elif family == "jensenshannon"
fn part(a: f32, m: f32) -> f32 {
  if (a == 0.0) { return 0.0; }
  return a * ln(a / m);
}
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  let m = 0.5 * q + 0.5 * x;
  return vec2<f32>(s.x + (part(q, m) + part(x, m)), 0.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> { return vec2<f32>(0.5 * s.x, 1.0); }
//% elif family == "kl"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  if (q == 0.0) { return s; }
  if (x == 0.0) { return vec2<f32>(s.x, 1.0); }
  return vec2<f32>(s.x + q * ln(q / x), s.y);
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
  return vec2<f32>(s.x * (d / present), min(s.y, 1.0));
}
//% elif family == "gower"
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> {
  if (is_nan(q) || is_nan(x)) { return s; }
  // mixed signs, or a number that is not in [0, 1], spoil the pair for good: the count goes far below zero and stays there
  if ((q < 0.0) != (x < 0.0) || max(q, x) > 1.0) { return vec2<f32>(s.x, -1e9); }
  let z = select(abs(q - x), select(0.0, 1.0, q != x), q < 0.0);
  return vec2<f32>(s.x + z, s.y + 1.0);
}
fn finish(s: vec2<f32>, d: f32) -> vec2<f32> {
  return vec2<f32>(s.x / max(s.y, 1.0), select(0.0, 1.0, s.y >= 1.0));
}
//% endif

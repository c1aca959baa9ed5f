// A user's metric behind the interface of direct.wgsl. The functions stand at the end of the module, as they came.

fn start() -> vec2<f32> { return vec2<f32>(bitcast<f32>({{ custom_initial }}u), 1.0); }
fn step(s: vec2<f32>, q: f32, x: f32) -> vec2<f32> { return vec2<f32>(accumulate(s.x, q, x), 1.0); }
fn finish_pair(s: vec2<f32>, d: u32) -> vec2<f32> {
  let v = finish(s.x, d);
  return vec2<f32>(v, select(1.0, 0.0, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u));
}

{{ custom_source }}

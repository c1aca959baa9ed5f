// What the kernels of stage A that work in f32 are passed by value: params::Scan of the host.
struct Params {
  nq: u32,
  n: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  words: u32,
  first_tile: u32,
  inverse: f32,
  dim: u32,
  limit: f32,
}
var<immediate> p: Params;

// What the kernels of stage B are passed by value: params::SelectBins of the host.
struct Params {
  nq: u32,
  bins: u32,
  bin_stride: u32,
  k: u32,
  max_candidates: u32,
  // E = c0 |x|^2 + c1 |q||x| + c2 {{ "|q|" if logs else "|q|^2" }} + floor + slack |M|, and what the copies lost
  c0: f32,
  c1: f32,
  c2: f32,
  floor: f32,
  slack: f32,
  // 0: the bin's norm; otherwise that of every row
  unit: f32,
  residual_at: u32,
}
var<immediate> p: Params;

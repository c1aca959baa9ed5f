// k-means++: the next centroid, a point with the probability of its distance: the first at which the sum of the distances up to it is above
// the share `draw` of all. Where all distances are 0, it is the point that was drawn for that case.
// Bindings: least (256 a block), sums (blocks), draws (centroids), chosen (centroids, out).
// Threads: one workgroup of 256, each thread a run of blocks.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> least: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> sums: array<f32>;
// bits of a number in [0, 1), and a point
@group(0) @binding({{ slot() }}) var<storage, read> draws: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;

struct Params {
  blocks: u32,
  centroid: u32,
}
var<immediate> p: Params;

var<workgroup> runs: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) t: u32) {
  let length = (p.blocks + 255u) / 256u;
  var run = 0.0;
  for (var b = t * length; b < min((t + 1u) * length, p.blocks); b++) { run += sums[b]; }
  runs[t] = run;
  workgroupBarrier();
  if (t != 0u) { return; }
  var total = 0.0;
  for (var r = 0u; r < 256u; r++) { total += runs[r]; }
  let draw = draws[p.centroid];
  chosen[p.centroid] = draw.y;
  if (!(total > 0.0)) { return; }
  // In each step the part is kept that the target falls into or, where rounding has it fall into none, the last that is not 0.
  var target_sum = bitcast<f32>(draw.x) * total;
  var best = 0u;
  var before = 0.0;
  var sum = 0.0;
  for (var r = 0u; r < 256u && (sum <= target_sum || runs[best] == 0.0); r++) {
    if (runs[r] > 0.0) {
      best = r;
      before = sum;
    }
    sum += runs[r];
  }
  target_sum -= before;
  let end = min((best + 1u) * length, p.blocks);
  var block = best * length;
  before = 0.0;
  sum = 0.0;
  for (var b = best * length; b < end && (sum <= target_sum || sums[block] == 0.0); b++) {
    if (sums[b] > 0.0) {
      block = b;
      before = sum;
    }
    sum += sums[b];
  }
  target_sum -= before;
  var point = block * 256u;
  sum = 0.0;
  for (var x = block * 256u; x < (block + 1u) * 256u && (sum <= target_sum || least[point] == 0.0); x++) {
    if (least[x] > 0.0) { point = x; }
    sum += least[x];
  }
  chosen[p.centroid] = point;
}

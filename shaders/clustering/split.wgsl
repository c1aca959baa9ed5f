// Centroids without points move into clusters that have many: centroids[to] = c + (x - c) share, c the donor's centroid and x one of its
// points, which is nearer to the new centroid than to c. Of eight points one behind the other the first is taken that differs from c. Where
// the share of every difference is lost in rounding, x itself is the centroid; where none differs, `to` stays as it is.
// Bindings: rows (n x stride4 groups of four), order (n), first (clusters + 1), splits (splits), centroids (clusters x k4 vec4, in and out){{ ", norms (n)" if scaled else "" }}.
// Threads: a workgroup of 256 has a split. No donor is moved by another; one may be its own, and moves to its point by a share of 1.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> order: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> first: array<u32>;
// to, donor, which of its points comes first, bits of the share
@group(0) @binding({{ slot() }}) var<storage, read> splits: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> centroids: array<vec4<f32>>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> norms: array<f32>;
//% endif

struct Params {
  splits: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
}
var<immediate> p: Params;

// Bit i: point i moves the centroid by its share; bit 8 + i: it differs from the centroid.
var<workgroup> useful: atomic<u32>;

fn point(split: vec4<u32>, i: u32, k: u32) -> vec4<f32> {
  let begin = first[split.y];
  let count = max(first[split.y + 1u] - begin, 1u);
  let x = order[begin + (split.z + i) % count];
//% if scaled
  return row4(x * p.stride4 + k) * select(1.0 / norms[x], 0.0, norms[x] == 0.0);
//% else
  return row4(x * p.stride4 + k);
//% endif
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let number = min(wg.x + wg.y * p.groups_x, p.splits - 1u);
  let split = splits[number];
  let share = bitcast<f32>(split.w);
  if (t == 0u) { atomicStore(&useful, 0u); }
  workgroupBarrier();
  for (var k = t; k < p.k4; k += 256u) {
    let c = centroids[split.y * p.k4 + k];
    var bits = 0u;
    for (var i = 0u; i < 8u; i++) {
      let x = point(split, i, k);
      bits |= select(0u, 1u << i, any(fma(x - c, vec4<f32>(share), c) != c));
      bits |= select(0u, 256u << i, any(x != c));
    }
    atomicOr(&useful, bits);
  }
  workgroupBarrier();
  let bits = atomicLoad(&useful);
  if (bits == 0u) { return; }
  let i = countTrailingZeros(bits) % 8u;
  let part = select(1.0, share, countTrailingZeros(bits) < 8u);
  for (var k = t; k < p.k4; k += 256u) {
    let c = centroids[split.y * p.k4 + k];
    let x = point(split, i, k);
    centroids[split.x * p.k4 + k] = select(fma(x - c, vec4<f32>(part), c), x, vec4<bool>(part == 1.0));
  }
}

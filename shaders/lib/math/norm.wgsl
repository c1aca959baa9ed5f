// The Euclidean norm of row x, by the eight neighbours of a workgroup of 256 that have the row; all threads call it, all eight get it. Included after lib/load/rows.wgsl, lib/math/tree.wgsl and lib/math/largest.wgsl,
// with p.k4 the groups of a row.

// |x| is length / factor. The factor is a power of two that brings the largest element near 1, so that squares neither
// overflow nor vanish. Of a row shorter than 2^-126, the zero row among them, the length is 0: what is shorter counts as zero where
// rows are divided by their length, and an inverse of it may be beyond f32.
struct Norm { length: f32, factor: f32 }

var<workgroup> norm_parts: array<vec4<f32>, 256>;

fn norm_of(t: u32, x: u32) -> Norm {
  let first = t - t % 8u;
  let most = largest_of(t, x);
  let factor = factor_of(most);
  var acc = vec4<f32>(0.0);
  for (var k = t % 8u; k < p.k4; k += 8u) {
    let v = row4_at(x, k) * factor;
    acc = fma(v, v, acc);
  }
  norm_parts[t] = acc;
  workgroupBarrier();
  let sum = tree8(norm_parts[first], norm_parts[first + 1u], norm_parts[first + 2u], norm_parts[first + 3u], norm_parts[first + 4u], norm_parts[first + 5u], norm_parts[first + 6u], norm_parts[first + 7u]);
  return Norm(select(sqrt(sum), 0.0, sum < least_of(most)), factor);
}

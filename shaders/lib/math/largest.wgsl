// The largest magnitude in row x, by the eight neighbours of a workgroup of 256 that
// have the row; all threads call it. Included after lib/load/rows.wgsl, with p.k4 the groups of a row.

// The power of two that brings the largest element near 1, so that squares neither overflow nor vanish.
fn factor_of(most: f32) -> f32 {
  return bitcast<f32>((254u - clamp(bitcast<u32>(most) >> 23u, 1u, 253u)) << 23u);
}

// (2^-126 factor)^2: below it the sum of the squares is that of a row shorter than 2^-126, which counts as zero where rows are
// divided by their length. Made of integers, since compilers may reorder products, of which some orders overflow.
fn least_of(most: f32) -> f32 {
  return bitcast<f32>(u32(max(129 - 2 * i32(clamp(bitcast<u32>(most) >> 23u, 1u, 253u)), 0)) << 23u);
}

var<workgroup> largest: array<f32, 256>;

fn largest_of(t: u32, x: u32) -> f32 {
  let j = t % 8u;
  var most = 0.0;
  for (var k = j; k < p.k4; k += 8u) {
    let a = abs(row4_at(x, k));
    most = max(most, max(max(a.x, a.y), max(a.z, a.w)));
  }
  // those of the last call have been read
  workgroupBarrier();
  largest[t] = most;
  workgroupBarrier();
  for (var u = 0u; u < 8u; u++) { most = max(most, largest[t - j + u]); }
  return most;
}

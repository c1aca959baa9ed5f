// The largest magnitude in the row whose groups of four begin at `at`, by the eight neighbours of a workgroup of 256 that
// have the row; all threads call it. Included after lib/load/rows.wgsl, with p.k4 the groups of a row.

var<workgroup> largest: array<f32, 256>;

fn largest_of(t: u32, at: u32) -> f32 {
  let j = t % 8u;
  var most = 0.0;
  for (var k = j; k < p.k4; k += 8u) {
    let a = abs(row4(at + k));
    most = max(most, max(max(a.x, a.y), max(a.z, a.w)));
  }
  // those of the last call have been read
  workgroupBarrier();
  largest[t] = most;
  workgroupBarrier();
  for (var u = 0u; u < 8u; u++) { most = max(most, largest[t - j + u]); }
  return most;
}

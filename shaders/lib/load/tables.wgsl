// Rows that are looked up: codes of a product quantizer (pq) or of a scalar one (sq8, sq6, sq4), of rows or of what the centroid of a row's
// list leaves of it (with an r before). Every caller gets the same bits.
// Included with `dtype` and `groups`, the groups of four of a row; the text has `rows` as words, p.stride4 words from one row to the next, and
//   range4(i)   number i of the tables (src/exact/tables.rs): two of sizes, then those of the codes, then the lists' centroids
// A row of what a list leaves begins with the number of the list, and its codes follow.
//   row4_at(x, k)   the elements 4k to 4k + 3 of row x, zeros behind the last

{% set listed = dtype in ["rpq", "rsq8", "rsq6", "rsq4"] %}
//% if listed
fn list4(at: u32, k: u32) -> vec4<f32> { return range4(u32(range4(0u).w) + rows[at] * {{ groups }} + k); }
//% endif
//% if dtype not in ["pq", "rpq"]
{% include "lib/load/decoded.wgsl" %}
fn row4_at(x: u32, k: u32) -> vec4<f32> {
  let at = x * p.stride4;
  return decoded(rows[at{{ " + 1u" if listed }} + k], k){{ " + list4(at, k)" if listed }};
}
//% else
// The number of a part, whose codes have so many bits each.
fn code_of(at: u32, part: u32, bits: u32) -> u32 {
  let first = part * bits;
  let shift = first % 32u;
  var code = rows[at + first / 32u] >> shift;
  if (shift + bits > 32u) { code |= rows[at + first / 32u + 1u] << (32u - shift); }
  return code & ((1u << bits) - 1u);
}

fn row4_at(x: u32, k: u32) -> vec4<f32> {
  let at = x * p.stride4;
  let codes = at{{ " + 1u" if listed }};
  let sizes = range4(0u);
  let bits = u32(sizes.y);
  var v = vec4<f32>(0.0);
  if (sizes.x > 0.0) {
    // whole groups to a part: for each group what every code stands for
    v = range4(2u + (k << bits) + code_of(codes, k / u32(sizes.x), bits));
  } else {
    let part = u32(sizes.z);
    let dim = u32(range4(1u).x);
    for (var j = 0u; j < 4u; j++) {
      let i = k * 4u + j;
      if (i < dim) {
        let m = i / part;
        let at = ((m << bits) + code_of(codes, m, bits)) * part + i % part;
        v[j] = range4(2u + at / 4u)[at % 4u];
      }
    }
  }
  return v{{ " + list4(at, k)" if listed }};
}
//% endif

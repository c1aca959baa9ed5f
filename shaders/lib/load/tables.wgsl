// Rows that are looked up: codes of a product quantizer (pq) or of a scalar one (sq8, sq6, sq4), of rows or of what the centroid of a row's
// list leaves of it (with an r before); what is left in fewer bits (rf16, rbf16); or codes of RaBitQ (rabitq), which are of that, too. Every
// caller gets the same bits.
// Included with `dtype` and `groups`, the groups of four of a row; the text has `rows` as words, p.stride4 words from one row to the next, and
//   range4(i)   number i of the tables (src/exact/tables.rs): two of sizes, then those of the codes, then the lists' centroids
// A row of what a list leaves begins with the number of the list, and its codes follow; of RaBitQ between them numbers of its own. Of rf16 and
// rbf16 these are two words for each group of four, the last of them with zeros behind the row's elements.
//   row4_at(x, k)   the elements 4k to 4k + 3 of row x, zeros behind the last
// and of RaBitQ alone
//   added(x)        what is added to the distance of row x
//   list4_of(x, k)  these elements of the centroid of row x, and
//   code4_at(x, k)  what the code of row x adds to them

{% set listed = dtype in ["rpq", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"] %}
//% if listed
fn list4(at: u32, k: u32) -> vec4<f32> { return range4(u32(range4(0u).w) + rows[at] * {{ groups }} + k); }
//% endif
//% if dtype == "rabitq"
fn added(x: u32) -> f32 { return bitcast<f32>(rows[x * p.stride4 + 2u]); }
fn list4_of(x: u32, k: u32) -> vec4<f32> { return list4(x * p.stride4, k); }
fn code4_at(x: u32, k: u32) -> vec4<f32> { return code4_on(x, k, vec4<f32>(0.0)); }
fn row4_at(x: u32, k: u32) -> vec4<f32> { return code4_on(x, k, list4_of(x, k)); }

// c + scale y: the list's number, the scale, what is added to distances, and from the word that the tables say on a stream of bits, whose
// numbers less their middle are y. The scale is taken in two parts, as decoded.wgsl does and for the same reason: y has nine bits.
fn code4_on(x: u32, k: u32, c: vec4<f32>) -> vec4<f32> {
  let at = x * p.stride4;
  let sizes = range4(0u);
  let bits = u32(sizes.y);
  let first = k * 4u * bits;
  let word = at + u32(sizes.z) + first / 32u;
  let shift = first % 32u;
  var low = rows[word] >> shift;
  var high = 0u;
  if (shift + 4u * bits > 32u) {
    let next = rows[word + 1u];
    low |= (next << 1u) << (31u - shift);
    high = next >> shift;
  }
  let each = vec4<u32>(0u, 1u, 2u, 3u);
  let codes = ((vec4<u32>(low) >> (each * bits)) | (vec4<u32>(high << 1u) << (vec4<u32>(31u) - each * bits))) & vec4<u32>((1u << bits) - 1u);
  let number = vec4<f32>(codes) + (0.5 - f32(1u << (bits - 1u)));
  // the same number, which no compiler knows
  let again = bitcast<vec4<f32>>(bitcast<vec4<u32>>(number) | vec4<u32>(p.stride4 >> 31u));
  let scale = bitcast<f32>(rows[at + 1u]);
  let upper = bitcast<f32>(bitcast<u32>(scale) & 0xfffffe00u);
  let v = fma(again, vec4<f32>(scale - upper), fma(number, vec4<f32>(upper), c));
  return select(vec4<f32>(0.0), v, vec4<u32>(k * 4u) + each < vec4<u32>(u32(range4(1u).x)));
}
//% elif dtype in ["rf16", "rbf16"]
{% with dtype = dtype[1:] %}{% include "lib/load/element.wgsl" %}{% endwith %}
fn row4_at(x: u32, k: u32) -> vec4<f32> {
  let at = x * p.stride4;
  let codes = at + 1u + 2u * k;
  return floats(Group(rows[codes], rows[codes + 1u])) + list4(at, k);
}
//% elif dtype not in ["pq", "rpq"]
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

// What the k-th nearest of the rows that were compared so far says of scores: src/invlists/originals.rs has the reasons.
//   {{ "T, the k-th product, and |q|; no row of a smaller product is a hit" if product else "T, at most |q|^2 / 2, and at least the root of the k-th distance; no row that is farther is a hit" }}
// Bindings: keys (nq x k, nearest first, NO_KEY behind the last), queries (nq x q_stride4 vec4), query_norm (nq, |q| rounded up), reach (nq vec2, out).
// Threads: a workgroup of 64 has one query.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> query_norm: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> reach: array<vec2<f32>>;

struct Params {
  k: u32,
  k4: u32,
  q_stride4: u32,
  rounding: f32,
  vanished: f32,
  margin: f32,
}
var<immediate> p: Params;

var<workgroup> parts: array<f32, 64>;

// Where nothing is known every row may be a hit: no score is as small, and no slack as large.
const LEAST = -3.0e38;
const MOST = 1.0e18;

// The number that a key of an ascending order is of.
fn number_of(key: u32) -> f32 { return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  var sum = 0.0;
//% if not product
  for (var k = t; k < p.k4; k += 64u) {
    let v = queries[query * p.q_stride4 + k];
    sum += dot(v, v);
  }
//% endif
  parts[t] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (t < half) { parts[t] += parts[t + half]; }
    workgroupBarrier();
  }
  if (t != 0u) { return; }
  let key = keys[query * p.k + p.k - 1u];
  let norm = query_norm[query];
//% if product
  // elements of so short a query may be taken for zero, which is no small part of it
  let known = key != NO_KEY && (norm == 0.0 || norm >= 8.077935669463161e-28);
  reach[query] = select(vec2<f32>(LEAST, 0.0), vec2<f32>(number_of(~key), norm), known);
//% else
  let known = key != NO_KEY;
  let root = sqrt(max(number_of(key), 0.0)) * (1.0 + p.rounding) + p.vanished;
  let least = max(parts[0] * (0.5 - 0.5 * p.margin), 0.0);
  reach[query] = select(vec2<f32>(LEAST, 0.0), vec2<f32>(least, min(root, MOST)), known && norm < MOST);
//% endif
}

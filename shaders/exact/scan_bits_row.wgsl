// Stage A of the binned scan for few queries over rows of bits, {{ q }} at a time: the scores of scan_bits, by as few instructions and as many
// loads at once as the memory keeps up with.
// Bindings: rows (n x stride4 groups of 128 bits), queries (nq x q_stride4 groups), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: a workgroup of 256 has {{ 2048 // (q * lanes * 64) }} bins. {{ lanes }} neighbours read one row together, {{ 8 // q }} rows at once; then each thread adds the parts of
// {{ 8 // lanes }} pairs (query, row), and eight threads a bin and query take the maximum.
// Profile keys: kernel.scan max_row_queries carry_save.

{% set R = 8 // q %}{% set per = 256 // lanes %}{% set rows = per * R %}{% set bins = rows // 64 %}
// Parts of a pair, and one word more against bank conflicts.
{% set S = lanes + 1 if lanes > 1 else 1 %}
{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<u32>>;
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}
{% include "lib/math/ones.wgsl" %}
{% include "lib/metric/bit_score.wgsl" %}

// Of each pair its count, and in the upper half the ones of the row; then in the first of them one more than its score.
var<workgroup> parts: array<u32, {{ q * rows * S }}>;
//% if family != "hamming"
var<workgroup> query_ones: array<u32, {{ q * lanes }}>;
//% endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ q }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ rows }}u;
  if (x0 >= p.n) { return; }
  let lane = t % {{ lanes }}u;
  let r = t / {{ lanes }}u;
//% for u in range(R)
  let at{{ u }} = row(min(x0 + r + {{ u * per }}u, p.n - 1u)) * p.stride4;
  var s{{ u }} = 0u;
//% for i in range(q)
  var c{{ i }}_{{ u }} = 0u;
//% endfor
//% endfor
//% for i in range(q)
  let y{{ i }} = min(q0 + {{ i }}u, p.nq - 1u) * p.q_stride4;
  var n{{ i }} = 0u;
//% endfor
  for (var k = lane; k < p.k4; k += {{ lanes }}u) {
//% for u in range(R)
    let v{{ u }} = rows[at{{ u }} + k];
//% endfor
//% for i in range(q)
    let w{{ i }} = queries[y{{ i }} + k];
//% for u in range(R)
    c{{ i }}_{{ u }} += ones_of_4(w{{ i }} {{ "^" if family == "hamming" else "&" }} v{{ u }});
//% endfor
//% endfor
//% if family != "hamming"
//% for u in range(R)
    s{{ u }} += ones_of_4(v{{ u }});
//% endfor
    if (t < {{ lanes }}u) {
//% for i in range(q)
      n{{ i }} += ones_of_4(w{{ i }});
//% endfor
    }
//% endif
  }
//% for i in range(q)
//% for u in range(R)
  parts[({{ i * rows + u * per }}u + r) * {{ S }}u + lane] = c{{ i }}_{{ u }} | (s{{ u }} << 16u);
//% endfor
//% endfor
//% if family != "hamming"
  if (t < {{ lanes }}u) {
//% for i in range(q)
    query_ones[{{ i * lanes }}u + t] = n{{ i }};
//% endfor
  }
//% endif
  workgroupBarrier();
  for (var e = t; e < {{ q * rows }}u; e += 256u) {
    let query = min(q0 + e / {{ rows }}u, p.nq - 1u);
    let x = x0 + e % {{ rows }}u;
    let at = row(min(x, p.n - 1u));
    var sum = 0u;
    var ones = 0u;
//% for u in range(lanes)
    sum += parts[e * {{ S }}u + {{ u }}u];
//% if family != "hamming"
    ones += query_ones[e / {{ rows }}u * {{ lanes }}u + {{ u }}u];
//% endif
//% endfor
    var live = x < p.n && bias[at] > NO_SCORE;
//% if bitmap
    let bit = p.first_bin * BIN + at;
    live = live && (bitmap[query * p.words + min(bit / 32u, p.words - 1u)] >> (bit % 32u) & 1u) != 0u;
//% endif
    parts[e * {{ S }}u] = select(0u, bit_score(sum & 0xffffu, ones, sum >> 16u, p.dim) + 1u, live);
  }
  workgroupBarrier();
  // eight threads have a bin, then one
  var best = 0u;
  if (t < {{ q * bins * 8 }}u) {
//% for u in range(8)
    best = max(best, parts[(t * 8u + {{ u }}u) * {{ S }}u]);
//% endfor
  }
  workgroupBarrier();
  if (t < {{ q * bins * 8 }}u) { parts[t] = best; }
  workgroupBarrier();
  if (t < {{ q * bins }}u) {
    best = 0u;
//% for u in range(8)
    best = max(best, parts[t * 8u + {{ u }}u]);
//% endfor
    let query = q0 + t / {{ bins }}u;
    let bin = x0 / BIN + t % {{ bins }}u;
    if (query < p.nq && bin * BIN < p.n) {
      bin_best[query * p.bin_stride + p.first_bin + bin] = select(SENTINEL, f32(best - 1u), best > 0u);
    }
  }
}

// The exact distance of every (query, row) pair, as an order-preserving key. All metrics end here: those of the
// scan when it does not apply (few rows, large k, queries that it could not certify), the others always. By mode: 0 writes
// every key; 1 the best key of each bin of 64 rows; 2 the keys of chosen bins; 3 those of chosen rows. One pipeline serves all four, so that a
// key is the same to the bit in each, and the k best bins of mode 1 hold the k nearest rows without any bound.
// Bindings: {{ "ranges (vec4), " if apart else "" }}rows (n x stride4 groups of four), queries (nq x q_stride4 groups of four{{ ", and the ranges of the rows" if coded and not apart else "" }}), bias (n), out (nq x out_stride; mode 2: nq x max_candidates x 64; mode 3: nq x max_candidates), chosen (nq x max_candidates; read in modes 2 and 3){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n; modes 0, 1 and 3 take rows as they lie)" if table else "" }}.
// Threads: one thread has one row and {{ tq }} queries, whose elements are the same for the whole workgroup.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
//% if kind == "bits"
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<u32>>;
{% include "lib/metric/binary.wgsl" %}
//% else
{% set groups = "((p.dim + 3u) / 4u)" %}
{% set ranges_in = "ranges" if apart else "queries" %}
{% include "lib/load/rows.wgsl" %}
//% if kind == "integer"
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<u32>;
fn query4(i: u32) -> vec4<i32> { return {{ "unpack4xI8(queries[i])" if dtype == "i8" else "vec4<i32>(unpack4xU8(queries[i]))" }}; }
//% else
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
//% endif
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "row present" %}
{% include row_map %}

struct Params {
  nq: u32,
  n: u32,
  dim: u32,
  stride4: u32,
  q_stride4: u32,
  first: u32,
  first_row: u32,
  first_bin: u32,
  out_stride: u32,
  groups_y: u32,
  words: u32,
  argument: f32,
  mode: u32,
  max_candidates: u32,
  // where in the queries the ranges of codes begin
  ranges: u32,
}
var<immediate> p: Params;

{% set small = "p.dim" %}
//% if kind == "tree"
{% include "lib/math/tree.wgsl" %}
{% include "lib/metric/exact.wgsl" %}
//% if query_bits > 0
{% include "lib/metric/rounded_query.wgsl" %}
//% endif
//% elif kind == "direct"
{% include "lib/math/plus.wgsl" %}
{% include "lib/math/log.wgsl" %}
{% include "lib/metric/direct.wgsl" %}
fn finish_pair(s: vec2<f32>, d: u32) -> vec2<f32> { return finish(s, f32(d)); }
//% elif kind == "custom"
{% include "lib/metric/custom.wgsl" %}
//% endif

// Gower goes this way alone, and its steps are so short that a question or two more show.
{% set alone = kind == "direct" and family == "gower" %}
// Behind the first of the queries: those that follow are the same one where bins are chosen.
{% macro others(i) %}{{ "    if (choice) { continue; }" if i == 1 and not alone }}{% endmacro %}
// Group k + j of the row with that of each query.
{% macro summed(j) %}
//% if query_bits > 0
      let c = list4_of(own, k + {{ j }}u);
      let z = code4_at(own, k + {{ j }}u);
//% else
      let v = {{ "scaled_up(row4_at(own, k + %du))"|format(j) if scaled else "row4_at(own, k + %du)"|format(j) }};
//% endif
//% for i in range(tq)
//% if query_bits > 0
      a{{ i }}_{{ j }} = rounded_step4(a{{ i }}_{{ j }}, k + {{ j }}u, queries[y{{ i }} + k + {{ j }}u], c, z, how{{ i }});
//% else
      a{{ i }}_{{ j }} = step4(a{{ i }}_{{ j }}, queries[y{{ i }} + k + {{ j }}u], v);
//% endif
//% endfor
{% endmacro %}

var<workgroup> best: array<atomic<u32>, {{ tq }}>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let group = wg.y + wg.z * p.groups_y;
  // a workgroup has one query
  let choice = p.mode >= 2u;
  var bin = group;
  if (p.mode == 2u) {
    if (group >= p.max_candidates) { return; }
    bin = chosen[wg.x * p.max_candidates + group];
    // fewer bins than there is room for: the first segment says so
    if (bin == NO_KEY && p.first_bin == 0u) { out[(wg.x * p.max_candidates + group) * BIN + t] = NO_KEY; }
    bin -= p.first_bin;
  }
  if (p.mode == 3u) {
    if (group * BIN >= p.max_candidates) { return; }
    bin = 0u;
  }
  // beyond the rows, or another segment's bin; the same for the whole workgroup
  if (bin >= (p.n + BIN - 1u) / BIN) { return; }
  var x = bin * BIN + t;
  let place = group * BIN + t;
  if (p.mode == 3u) {
    // of another segment, or of no row: beyond the rows of this one
    x = select(NO_KEY, chosen[wg.x * p.max_candidates + min(place, p.max_candidates - 1u)], place < p.max_candidates) - p.first_row;
    x = min(x, p.n);
  }
  let own = p.first + row(min(x, p.n - 1u));
  let at = own * p.stride4;
//% for i in range(tq)
  let q{{ i }} = select(wg.x * {{ tq }}u + {{ i }}u, wg.x, choice);
  let y{{ i }} = min(q{{ i }}, p.nq - 1u) * p.q_stride4;
//% endfor
  if (t < {{ tq }}u) { atomicStore(&best[t], NO_KEY); }
  workgroupBarrier();
//% if kind == "bits"
  var xs = vec4<u32>(0u);
//% for i in range(tq)
  var both{{ i }} = vec4<u32>(0u);
  var qs{{ i }} = vec4<u32>(0u);
//% endfor
  for (var k = 0u; k * 128u < p.dim; k++) {
    let v = rows[at + k];
    xs += countOneBits(v);
//% for i in range(tq)
{{ others(i) }}
    { let w = queries[y{{ i }} + k]; both{{ i }} += countOneBits(v & w); qs{{ i }} += countOneBits(w); }
//% endfor
  }
//% elif kind == "integer"
//% for i in range(tq)
  var a{{ i }} = vec4<i32>(0);
//% endfor
  for (var k = 0u; k * 4u < p.dim; k++) {
    let v = row4i(at + k);
//% for i in range(tq)
{{ others(i) }}
//% if family == "l2"
    { let z = query4(y{{ i }} + k) - v; a{{ i }} += z * z; }
//% elif family == "l1"
    a{{ i }} += abs(query4(y{{ i }} + k) - v);
//% elif family == "linf"
    a{{ i }} = max(a{{ i }}, abs(query4(y{{ i }} + k) - v));
//% else
    a{{ i }} += query4(y{{ i }} + k) * v;
//% endif
//% endfor
  }
//% elif kind == "tree"
//% for i in range(tq)
//% for j in range(8)
  var a{{ i }}_{{ j }} = vec4<f32>(0.0);
//% endfor
//% endfor
  let k4 = (p.dim + 3u) / 4u;
//% if query_bits > 0
//% for i in range(tq)
  var range{{ i }} = EMPTY_RANGE;
//% endfor
  for (var k = 0u; k < k4; k++) {
    let c = list4_of(own, k);
//% for i in range(tq)
{{ others(i) }}
    range{{ i }} = spread(range{{ i }}, k, queries[y{{ i }} + k] - c);
//% endfor
  }
//% for i in range(tq)
  let how{{ i }} = rounding(range{{ i }});
//% endfor
//% endif
  var k = 0u;
  for (; k + 8u <= k4; k += 8u) {
//% for j in range(8)
    {
{{ summed(j) }}
    }
//% endfor
  }
//% for j in range(7)
  if (k + {{ j }}u < k4) {
{{ summed(j) }}
  }
//% endfor
//% else
//% for i in range(tq)
  var s{{ i }} = start();
//% endfor
//% if not alone
  // Neighbours have rows of their own, so each reads both halves of 32 bytes at once: by the next turn they would have left the cache.
  let last = (p.dim - 1u) / 4u;
  var even = vec4<f32>(0.0);
  var odd = even;
//% endif
  for (var k = 0u; k * 4u < p.dim; k++) {
//% if alone
    let v = row4(at + k);
//% else
    if (k % 2u == 0u) {
      even = row4(at + k);
      odd = row4(at + min(k + 1u, last));
    }
    let v = select(even, odd, k % 2u == 1u);
//% endif
    let rest = p.dim - k * 4u;
//% for i in range(tq)
{{ others(i) }}
    {
      let w = queries[y{{ i }} + k];
      s{{ i }} = step(s{{ i }}, w.x, v.x);
      // padding is never accumulated
      if (rest > 1u) { s{{ i }} = step(s{{ i }}, w.y, v.y); }
      if (rest > 2u) { s{{ i }} = step(s{{ i }}, w.z, v.z); }
      if (rest > 3u) { s{{ i }} = step(s{{ i }}, w.w, v.w); }
    }
//% endfor
  }
//% endif
  let live = x < p.n && present(min(x, p.n - 1u)) && bias[own] > NO_SCORE;
//% for i in range(tq)
  if (q{{ i }} < p.nq) {
    var ok = live;
//% if bitmap
    let bit = p.first_row + own - p.first;
    ok = ok && (bitmap[q{{ i }} * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u;
//% endif
//% if kind == "bits"
    let key = pair_key(both{{ i }}.x + both{{ i }}.y + both{{ i }}.z + both{{ i }}.w, qs{{ i }}.x + qs{{ i }}.y + qs{{ i }}.z + qs{{ i }}.w, xs.x + xs.y + xs.z + xs.w, p.dim);
//% elif kind == "integer"
//% if family == "linf"
    let value = max(max(a{{ i }}.x, a{{ i }}.y), max(a{{ i }}.z, a{{ i }}.w));
//% else
    let value = (a{{ i }}.x + a{{ i }}.y) + (a{{ i }}.z + a{{ i }}.w);
//% endif
//% if family != "dot"
    let key = bitcast<u32>(value);
//% elif dtype == "i8"
    let key = 0x7ffffffeu - bitcast<u32>(value);
//% else
    let key = 0xfffffffeu - bitcast<u32>(value);
//% endif
//% else
//% if kind == "tree"
    let sum = tree8(a{{ i }}_0, a{{ i }}_1, a{{ i }}_2, a{{ i }}_3, a{{ i }}_4, a{{ i }}_5, a{{ i }}_6, a{{ i }}_7);
    let value = {{ "scaled_down(sum, scale[own])" if scaled else "sum + added(own)" if dtype == "rabitq" else "sum" }};
//% else
    let pair = finish_pair(s{{ i }}, p.dim);
    let value = pair.x;
    ok = ok && pair.y != 0.0;
//% endif
    let key = {{ "descending_key(value)" if descending else "ascending_key(value)" }};
//% endif
    let kept = select(NO_KEY, key, ok);
    if (p.mode == 0u && x < p.n) { out[q{{ i }} * p.out_stride + x] = kept; }
    if (p.mode == 1u) { atomicMin(&best[{{ i }}], kept); }
//% if i == 0
    if (p.mode == 2u) { out[(wg.x * p.max_candidates + group) * BIN + t] = kept; }
    if (p.mode == 3u && x < p.n) { out[wg.x * p.max_candidates + place] = kept; }
//% endif
  }
//% endfor
  workgroupBarrier();
  if (p.mode == 1u && t < {{ tq }}u && wg.x * {{ tq }}u + t < p.nq) {
    out[(wg.x * {{ tq }}u + t) * p.out_stride + p.first_bin + bin] = atomicLoad(&best[t]);
  }
}

// Stage C of the binned scan: the exact distance of every row of the chosen bins, as an order-preserving key.
// Bindings: {{ "ranges (vec4), " if apart else "" }}rows (n x stride4 groups of four), queries (nq x q_stride4 groups of four{{ ", and the ranges of the rows" if coded and not apart else "" }}), bias (n), chosen (nq x max_candidates), counts (nq), keys (nq x max_candidates x {{ bin }}, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one query and every p.lanes-th 32 rows of its bins; eight neighbours have one row, each
// four of the 32 partial sums.
// Profile keys: kernel.scan rescore_groups.

{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
{% set groups = "p.k4" %}
{% set ranges_in = "ranges" if apart else "queries" %}
{% include "lib/load/rows.wgsl" %}
//% if integer
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<u32>;
fn query4(i: u32) -> vec4<i32> { return {{ "unpack4xI8(queries[i])" if dtype == "i8" else "vec4<i32>(unpack4xU8(queries[i]))" }}; }
//% else
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
{% include "lib/metric/exact.wgsl" %}
//% if query_bits > 0
{% include "lib/metric/rounded_query.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> keys: array<u32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "row present" %}
{% include row_map %}

struct Params {
  n: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  first_bin: u32,
  max_candidates: u32,
  lanes: u32,
  words: u32,
  first_row: u32,
  // where in the queries the ranges of codes begin
  ranges: u32,
}
var<immediate> p: Params;

//% if integer
var<workgroup> parts: array<i32, 256>;
//% else
var<workgroup> parts: array<vec4<f32>, 256>;
//% endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let count = min(counts[query], p.max_candidates);
  let first = p.first_bin{{ " * " ~ (64 // bin) ~ "u" if bin < 64 else "" }};
  let bins = (p.n + {{ bin - 1 }}u) / {{ bin }}u;
  let j = t % 8u;
  let y = query * p.q_stride4;
  for (var item = wg.y; item * 32u < count * {{ bin }}u; item += p.lanes) {
//% if bin > 1
    // the bins of another segment are left to its dispatch; all threads read the same ones, so barriers are uniform
    var here = false;
//% for u in range(32 // bin if bin < 32 else 1)
    here = here || chosen[query * p.max_candidates + min(item * 32u / {{ bin }}u + {{ u }}u, count - 1u)] - first < bins;
//% endfor
    if (!here) { continue; }
//% endif
    {
      let slot = (item * 32u + t / 8u) / {{ bin }}u;
      let bin = chosen[query * p.max_candidates + min(slot, count - 1u)] - first;
      let own = slot < count && bin < bins;
      let offset = (item * 32u + t / 8u) % {{ bin }}u;
      let x = select(p.n, bin * {{ bin }}u + offset, own);
      let at = row(min(x, p.n - 1u));
{# to ask for each of 32 bins of one row takes longer than to leave it out where it is not here #}
      let k4 = {{ "select(0u, p.k4, own)" if bin == 1 else "p.k4" }};
//% if integer
      var acc = vec4<i32>(0);
      for (var k = j; k < k4; k += 8u) {
//% if family == "l2"
        let z = query4(y + k) - row4i(at * p.stride4 + k);
        acc += z * z;
//% else
        acc += query4(y + k) * row4i(at * p.stride4 + k);
//% endif
      }
      parts[t] = (acc.x + acc.y) + (acc.z + acc.w);
//% else
      var acc = vec4<f32>(0.0);
//% if query_bits > 0
      var range = EMPTY_RANGE;
      for (var k = j; k < k4; k += 8u) { range = spread(range, k, queries[y + k] - list4_of(at, k)); }
      parts[t] = vec4<f32>(range, range);
      workgroupBarrier();
      for (var i = t - j; i < t - j + 8u; i++) { range = vec2<f32>(min(range.x, parts[i].x), max(range.y, parts[i].y)); }
      workgroupBarrier();
      let how = rounding(range);
      for (var k = j; k < k4; k += 8u) { acc = rounded_step4(acc, k, queries[y + k], list4_of(at, k), code4_at(at, k), how); }
//% else
      for (var k = j; k < k4; k += 8u) { acc = step4(acc, queries[y + k], {{ "scaled_up(row4_at(at, k))" if scaled else "row4_at(at, k)" }}); }
//% endif
      parts[t] = acc;
//% endif
      workgroupBarrier();
      if (j == 0u) {
//% if integer
        var value = parts[t];
//% for u in range(1, 8)
        value += parts[t + {{ u }}u];
//% endfor
//% if family == "l2"
        var key = bitcast<u32>(value);
//% elif dtype == "i8"
        var key = 0x7ffffffeu - bitcast<u32>(value);
//% else
        var key = 0xfffffffeu - bitcast<u32>(value);
//% endif
//% else
        var value = tree8(parts[t], parts[t + 1u], parts[t + 2u], parts[t + 3u], parts[t + 4u], parts[t + 5u], parts[t + 6u], parts[t + 7u]);
//% if scaled
        value = scaled_down(value, scale[at]);
//% elif dtype == "rabitq"
        value += added(at);
//% endif
        var key = {{ "ascending_key(value)" if family == "l2" else "descending_key(value)" }};
//% endif
        var live = x < p.n && present(min(x, p.n - 1u)) && bias[at] > NO_SCORE;
//% if bitmap
        let bit = p.first_row + at;
        live = live && (bitmap[query * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u;
//% endif
        if (own) { keys[(query * p.max_candidates + slot) * {{ bin }}u + offset] = select(NO_KEY, key, live); }
      }
      workgroupBarrier();
    }
  }
}

// The k smallest of a query's (key, row) pairs, keys before rows, so that ties fall to the earlier row
// (of chosen bins, in the order of lib/rows). A radix selection:
// the k-th key by four digits, then, only if more rows share it than are needed, the last row to take by four more.
// `source` says where the pairs are: "bins" (keys of chosen bins), or "dense" (what is best so far, then the keys of
// consecutive rows). {{ "The result is sorted." if sort else "The result is in no order." }}
// Bindings: keys ({{ "nq x max_candidates x " ~ bin if source == "bins" else "nq x key_stride" }}), {{ "chosen (nq x max_candidates), counts (nq)" if source == "bins" else "best_keys (nq x k), best_rows (nq x k)" }}, out_keys (nq x k, out), out_rows (nq x k, out){{ ", order_table (bins x " ~ bin ~ ")" if table else "" }}.
// Threads: a workgroup of {{ threads }} has one query.
// Profile keys: kernel.select threads.

{% include "lib/constants.wgsl" %}
{% include "lib/select/radix.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
//% if source == "bins"
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> counts: array<u32>;
//% else
@group(0) @binding({{ slot() }}) var<storage, read> best_keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> best_rows: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> out_keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out_rows: array<u32>;
//% if source == "bins"
{% set maps = "order" %}
{% include row_map %}
//% endif

struct Params {
  k: u32,
  // bins: max_candidates; dense: stride of the keys
  stride: u32,
  // dense: pairs that are best so far (0 or k), rows, number of the first row
  best: u32,
  n: u32,
  first_row: u32,
}
var<immediate> p: Params;

//% if sort
var<workgroup> list_keys: array<u32, {{ sort }}>;
var<workgroup> list_rows: array<u32, {{ sort }}>;
//% endif
var<workgroup> taken: atomic<u32>;

//% if source == "bins"
fn pairs(query: u32) -> u32 { return min(counts[query], p.stride) * {{ bin }}u; }
fn key(query: u32, i: u32) -> u32 { return keys[query * p.stride * {{ bin }}u + i]; }
fn number(query: u32, i: u32) -> u32 { return order(chosen[query * p.stride + i / {{ bin }}u] * {{ bin }}u + i % {{ bin }}u); }
//% else
fn pairs(query: u32) -> u32 { return p.best + p.n; }
fn key(query: u32, i: u32) -> u32 {
  if (i < p.best) { return best_keys[query * p.k + i]; }
  return keys[query * p.stride + i - p.best];
}
fn number(query: u32, i: u32) -> u32 {
  if (i < p.best) { return best_rows[query * p.k + i]; }
  return p.first_row + i - p.best;
}
//% endif

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let m = pairs(query);
  if (t == 0u) { atomicStore(&taken, 0u); }
  var last_key = NO_KEY - 1u;
  var last_row = 0xffffffffu;
  if (m > p.k) {
    var prefix = 0u;
    var need = p.k;
    var same = 0u;
    for (var shift = 24u; ; shift -= 8u) {
      clear_histogram(t);
      for (var i = t; i < m; i += {{ threads }}u) {
        let v = key(query, i);
        if (shift == 24u || (v ^ prefix) >> (shift + 8u) == 0u) { atomicAdd(&histogram[v >> shift & 255u], 1u); }
      }
      let digit = digit_of(t, need);
      prefix |= digit.x << shift;
      need -= digit.y;
      same = digit.z;
      // all of this digit are taken: the digits below do not matter
      if (same == need) { prefix |= (1u << shift) - 1u; }
      if (same == need || shift == 0u) { break; }
    }
    last_key = min(prefix, NO_KEY - 1u);
    if (same > need && prefix != NO_KEY) {
      last_row = 0u;
      for (var shift = 24u; ; shift -= 8u) {
        clear_histogram(t);
        for (var i = t; i < m; i += {{ threads }}u) {
          let r = number(query, i);
          if (key(query, i) == prefix && (shift == 24u || (r ^ last_row) >> (shift + 8u) == 0u)) { atomicAdd(&histogram[r >> shift & 255u], 1u); }
        }
        let digit = digit_of(t, need);
        last_row |= digit.x << shift;
        need -= digit.y;
        if (shift == 0u) { break; }
      }
    }
  }
  workgroupBarrier();
  for (var i = t; i < m; i += {{ threads }}u) {
    let v = key(query, i);
    if (v > last_key) { continue; }
    let r = number(query, i);
    if (v == last_key && r > last_row) { continue; }
    let slot = atomicAdd(&taken, 1u);
//% if sort
    if (slot < {{ sort }}u) { list_keys[slot] = v; list_rows[slot] = r; }
//% else
    if (slot < p.k) { out_keys[query * p.k + slot] = v; out_rows[query * p.k + slot] = r; }
//% endif
  }
  workgroupBarrier();
  let total = min(workgroupUniformLoad(&taken), p.k);
//% if sort
  // a rank by counting needs no exchange and no barrier
  for (var i = t; i < total; i += {{ threads }}u) {
    let v = list_keys[i];
    let r = list_rows[i];
    var rank = 0u;
    for (var o = 0u; o < total; o++) {
      let w = list_keys[o];
      rank += select(0u, 1u, w < v || (w == v && list_rows[o] < r));
    }
    out_keys[query * p.k + rank] = v;
    out_rows[query * p.k + rank] = r;
  }
//% endif
  for (var i = total + t; i < p.k; i += {{ threads }}u) {
    out_keys[query * p.k + i] = NO_KEY;
    out_rows[query * p.k + i] = 0xffffffffu;
  }
}

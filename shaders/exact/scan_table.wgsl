// Stage A of the binned scan for few queries, over codes of a product quantizer: as scan_row, of rows that are not decoded but summed up from
// the products of the query with what codes stand for. A row costs a lookup a part, and a query its tables once more for each workgroup.
// Bindings: rows (n x stride4 words), products (nq x table_stride), bias (n), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one query and {{ per * 4 }} bins, a thread {{ per }} rows.
// Profile keys: kernel.codes max_table_queries.

{% import "lib/tile/row/lookup.wgsl" as lookup %}
{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<{{ "vec4<u32>" if bits in [4, 8] else "u32" }}>;
@group(0) @binding({{ slot() }}) var<storage, read> products: array<u32>;
{% include "lib/tile/scan/bindings.wgsl" %}

struct Params {
  n: u32,
  stride4: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  words: u32,
  first_tile: u32,
  inverse: f32,
  // parts that are looked up, and a query's products
  parts: u32,
  table_stride: u32,
}
var<immediate> p: Params;

var<workgroup> table: array<u32, 4096>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let base = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ per * 256 }}u;
  if (base >= p.n) { return; }
//% for r in range(per)
  let i{{ r }} = base + {{ r * 256 }}u + t;
  let x{{ r }} = row(min(i{{ r }}, p.n - 1u));
//% endfor
{{ lookup.sums("query * p.table_stride") }}
//% for r in range(per)
  {
    var live = i{{ r }} < p.n;
//% if bitmap
    let bit = p.first_bin * BIN + x{{ r }};
    live = live && (bitmap[query * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u;
//% endif
    let s = fma(s{{ r }}, {{ "scale[x%d]"|format(r) if scaled else "p.inverse" }}, bias[x{{ r }}]);
    table[{{ r * 256 }}u + t] = bitcast<u32>(select(SENTINEL, s, live));
  }
//% endfor
{{ lookup.maxima() }}
  let bin = base / BIN + t;
  if (t < {{ per * 4 }}u && bin * BIN < p.n) { bin_best[query * p.bin_stride + p.first_bin + bin] = best; }
}

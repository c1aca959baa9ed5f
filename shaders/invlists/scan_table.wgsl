// Stage A of the binned scan by lists, for few queries, over codes of a product quantizer: as scan_row, of rows that are not decoded but summed up
// from the products of the query with what codes stand for{{ ", and with the centroid of the list" if skipped else "" }}.
// Bindings: rows (n x stride4 words), products (nq x table_stride{{ ", of which p.centers on those with the centroids" if skipped else "" }}), bias (by position), bin_best (nq x bin_stride vec2, out), lists (nlist vec4
//   of this segment: first page of all, pages, pages of the list in earlier segments), pairs (nq x nprobe vec2: list, bins of the query before it){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}, row_table (n).
// Threads: a workgroup of 256 has one pair and every p.lanes-th {{ per * 4 }} pages of its list, a thread {{ per }} row{{ "s" if per > 1 else "" }} of them.
// Profile keys: kernel.codes table_rows max_list_queries, kernel.lists row_groups row_lanes.

{% import "lib/tile/row/lookup.wgsl" as lookup %}
{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<{{ "vec4<u32>" if bits in [4, 8] else "u32" }}>;
@group(0) @binding({{ slot() }}) var<storage, read> products: array<u32>;
{% set by_list = false %}
{% include "lib/tile/list/bindings.wgsl" %}

struct Params {
  nlist: u32,
  nprobe: u32,
  stride4: u32,
  bin_stride: u32,
  // of all pages the segment's first, and its first list in `lists`
  first_page: u32,
  first_list: u32,
  first_row: u32,
  inverse: f32,
  words: u32,
  // workgroups of a pair
  lanes: u32,
  // parts that are looked up, a query's products, and where among them those with centroids begin
  parts: u32,
  table_stride: u32,
  centers: u32,
}
var<immediate> p: Params;

var<workgroup> table: array<u32, 4096>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.y;
  let pair = pairs[query * p.nprobe + wg.x];
  let list = select(vec4<u32>(0u), lists[p.first_list + min(pair.x, p.nlist - 1u)], pair.x < p.nlist);
  if (t == 0u) { table[0] = list.y; }
  let pages = workgroupUniformLoad(&table[0]);
  let first = list.x - p.first_page;
//% if skipped
  let center = bitcast<f32>(products[query * p.table_stride + p.centers + wg.x]);
//% endif
  for (var page0 = wg.z * {{ per * 4 }}u; page0 < pages; page0 += p.lanes * {{ per * 4 }}u) {
    workgroupBarrier();
//% for r in range(per)
    let i{{ r }} = (first + min(page0 + {{ r * 4 }}u + t / 64u, pages - 1u)) * 64u + t % 64u;
    let x{{ r }} = row(i{{ r }});
//% endfor
{{ lookup.sums("query * p.table_stride") }}
//% for r in range(per)
    {
      var s = fma(s{{ r }}{{ " + center" if skipped }}, {{ "scale[x%d]"|format(r) if scaled else "p.inverse" }}, bias[i{{ r }}]);
//% if bitmap
      let bit = p.first_row + x{{ r }};
      s = select(SENTINEL, s, (bitmap[query * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u);
//% endif
      table[{{ r * 256 }}u + t] = bitcast<u32>(s);
    }
//% endfor
{{ lookup.maxima() }}
    let page = page0 + t;
    if (t < {{ per * 4 }}u && page < pages) {
      bin_best[query * p.bin_stride + pair.y + list.z + page] = vec2<u32>(bitcast<u32>(best), list.x + page);
    }
  }
}

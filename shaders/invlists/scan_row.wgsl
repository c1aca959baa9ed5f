// Stage A of the binned scan by lists, for few queries: a query times the rows of a list that it probes, of which the largest score of each
// bin of {{ bin }} is kept, with the number of the bin.
// Bindings: rows ({{ "f16" if dtype == "f16copy" else dtype }}, n x stride4 groups of four{{ ", of words" if looked_up else "" }}), {{ "tables (vec4), " if looked_up else "" }}queries (nq x q_stride4 vec4), bias (by position), bin_best (nq x bin_stride vec2, out), lists (nlist vec4
//   of this segment: first page of all, pages, pages of the list in earlier segments), pairs (nq x nprobe vec2: list, bins of the query before it){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}, row_table (n).
// Threads: a workgroup of 256 has one pair and every p.lanes-th page of its list; eight neighbours read 128 bytes of a row together.
// Profile keys: kernel.lists max_row_queries row_groups row_lanes.

{% import "lib/tile/row/read.wgsl" as read %}
{% import "lib/tile/row/product.wgsl" as product %}
{% include "lib/constants.wgsl" %}
//% if dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"]
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> tables: array<vec4<f32>>;
fn range4(i: u32) -> vec4<f32> { return tables[i]; }
{% set groups = "p.k4" %}
{% include "lib/load/tables.wgsl" %}
//% else
{% include "lib/load/element.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
{% set by_list = false %}
{% include "lib/tile/list/bindings.wgsl" %}

struct Params {
  nlist: u32,
  nprobe: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  bin_stride: u32,
  // of all pages the segment's first, and its first list in `lists`
  first_page: u32,
  first_list: u32,
  first_row: u32,
  inverse: f32,
  words: u32,
  // workgroups of a pair
  lanes: u32,
}
var<immediate> p: Params;

var<workgroup> parts: array<f32, 512>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> list_of: vec4<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.y;
  let pair = pairs[query * p.nprobe + wg.x];
  if (t == 0u) { list_of = select(vec4<u32>(0u), lists[p.first_list + min(pair.x, p.nlist - 1u)], pair.x < p.nlist); }
  let list = workgroupUniformLoad(&list_of);
  let first = list.x - p.first_page;
  let end = (first + list.y) * 64u;
  let y0 = query * p.q_stride4;
  let j = t % 8u;
  for (var page = wg.z; page < list.y; page += p.lanes) {
    let at = (first + page) * 64u;
    let x0 = row(at + t / 8u){{ "" if looked_up else " * p.stride4" }};
    let x1 = row(at + t / 8u + 32u){{ "" if looked_up else " * p.stride4" }};
{{ product.begin() }}
{{ read.steps(product.per, product.steps, product.step) }}
{{ product.end() }}
    workgroupBarrier();
    if (t < 64u) {
      var s = parts[t * 8u];
//% for u in range(1, 8)
      s += parts[t * 8u + {{ u }}u];
//% endfor
      s = fma(s, {{ "scale[row(at + t)]" if scaled else "p.inverse" }}, bias[at + t]);
//% if bitmap
      let bit = p.first_row + row(at + t);
      s = select(SENTINEL, s, (bitmap[query * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u);
//% endif
      scores[t] = s;
    }
    workgroupBarrier();
    var best = SENTINEL;
    if (t < 8u) {
//% for u in range(8)
      best = max(best, scores[t * 8u + {{ u }}u]);
//% endfor
    }
    workgroupBarrier();
    if (t < 8u) { scores[t] = best; }
    workgroupBarrier();
//% if bin == 16
    if (t < 4u) {
      let to = query * p.bin_stride + pair.y + (list.z + page) * 4u + t;
      bin_best[to] = vec2<u32>(bitcast<u32>(max(scores[t * 2u], scores[t * 2u + 1u])), (list.x + page) * 4u + t);
    }
//% else
    if (t == 0u) {
//% for u in range(8)
      best = max(best, scores[{{ u }}]);
//% endfor
      bin_best[query * p.bin_stride + pair.y + list.z + page] = vec2<u32>(bitcast<u32>(best), list.x + page);
    }
//% endif
  }
}

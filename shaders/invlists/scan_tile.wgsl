// Stage A of the binned scan by lists, without matrix units: the rows of a list times all queries that probe it, s(q, x) = q.x * scale + bias,
// of which the largest of each bin of 64 rows is kept, with the number of the bin.
// A workgroup takes items, one after the other: {{ bm }} of the queries of a list by {{ bn }} of its rows, in f32 (lib/tile/register).
// Bindings: rows (n x stride4 groups of four), {{ "tables (vec4), " if looked_up else "" }}queries (nq x q_stride4 vec4), bias (by position), bin_best (nq x bin_stride vec2, out),
//   work (nlist + 1 vec2: items before those of a list, pairs before its own), lists (nlist vec4 of this segment: first page of all, pages,
//   pages of the list in earlier segments), pairs (by list, vec2: query, where in bin_best the bins of the list begin){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}, row_table (n).
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn, kernel.lists max_tile_queries groups.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/bin_best.wgsl" as bins %}
{% import "lib/tile/list/items.wgsl" as items %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
fn queries_load(y: u32, k: u32) -> vec4<f32> { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return g; }
{% set by_list = true %}
{% include "lib/tile/list/bindings.wgsl" %}

struct Params {
  nlist: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  // of all pages the segment's first, and its first list in `lists`
  first_page: u32,
  first_list: u32,
  first_row: u32,
  inverse: f32,
  words: u32,
  // workgroups
  groups: u32,
}
var<immediate> p: Params;

fn query_of(y: u32) -> u32 { return pairs[y].x; }

// What is told of the next item, then the query tile and the row tile, then the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ bins.words }}>;

{{ items.find("tile") }}

{% macro score(i, j, best) %}
//% if bitmap
    if ((bitmap[r{{ i }} + bit{{ j }} / 32u] >> (bit{{ j }} % 32u) & 1u) != 0u)
//% endif
    { {{ best }} = max({{ best }}, fma(c{{ i }}_{{ j }}, {{ "scale%d"|format(j) if scaled else "p.inverse" }}, bias{{ j }})); }
{% endmacro %}
{% macro keep(m, b, best) %}
    let group = x0 / 64u + {{ b }};
    if (q0 + {{ m }} < q_end && group * 64u < x_end) {
      bin_best[pairs[q0 + {{ m }}].y + earlier + group - x_page] = vec2<u32>(bitcast<u32>({{ best }}), p.first_page + group);
    }
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  if (t == 0u) {
    let items = work[p.nlist].x;
{{ items.tell("tile", 0, "items", "items") }}
  }
{{ items.told("tile", 0, "end", "end_again") }}
  for (var item = wg.x; item < end; item += p.groups) {
    if (t == 0u) { find(item); }
{{ items.told("tile", 0, "q0", "q_end") }}
{{ items.told("tile", 1, "x0", "x_end") }}
{{ items.told("tile", 2, "x_page", "earlier") }}
{{ tile.products("queries", "rows", "row", {"map": "query_of", "left": "q_end", "right": "x_end"}) }}
//% for j in range(tn)
    let at{{ j }} = min(x0 + tx + {{ j * shape.TX }}u, x_end - 1u);
    let bias{{ j }} = bias[at{{ j }}];
//% if scaled
    let scale{{ j }} = scale[row(at{{ j }})];
//% endif
//% if bitmap
    let bit{{ j }} = p.first_row + row(at{{ j }});
//% endif
//% endfor
//% if bitmap
//% for i in range(tm)
    let r{{ i }} = query_of(min(q0 + ty + {{ i * shape.TY }}u, q_end - 1u)) * p.words;
//% endfor
//% endif
{{ bins.best(score, keep=keep) }}
    // the memory is told by again
    workgroupBarrier();
  }
}

// Stage A of the binned scan by lists, on matrix units: the rows of a list times all queries that probe it, s(q, x) = q'.x' / (their scales) + b,
// of which the largest of each bin of {{ bin }} rows is kept, with the number of the bin.
// A workgroup takes items, one after the other: {{ bm }} of the queries of a list by {{ bn }} of its rows, {{ input }} in, f32 out (lib/tile/matrix).
// Bindings: rows (n x stride4 groups of four), {{ "tables (vec4), " if looked_up else "" }}queries ({{ "f16" if input == "f16" else "f32" }}, nq x q_stride4 groups of four), bias (by position), bin_best (nq x bin_stride vec2, out),
//   work (nlist + 1 vec2: items before those of a list, pairs before its own), lists (nlist vec4 of this segment: first page of all, pages,
//   pages of the list in earlier segments), pairs (by list, vec2: query, where in bin_best the bins of the list begin){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}, row_table (n).
// Threads: {{ threads }}.
// Profile keys: kernel.matrix sm sgm sgn bk pad input, kernel.lists groups.

//% if input == "f16"
enable f16;
//% endif
enable wgpu_cooperative_matrix;

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/load.wgsl" as load %}
{% import "lib/tile/matrix/multiply.wgsl" as tile %}
{% import "lib/tile/matrix/bin_best.wgsl" as bins %}
{% import "lib/tile/list/items.wgsl" as items %}
{% set sub = 64 // bin %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<{{ input }}>>;
alias queries_Group = vec4<{{ input }}>;
fn queries_load(y: u32, k: u32) -> queries_Group { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: queries_Group) -> vec4<{{ input }}> { return g; }
{% set by_list = true %}
{% include "lib/tile/list/bindings.wgsl" %}

struct Params {
  nlist: u32,
  // elements of a row, up to whole slabs
  k: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  // of all pages the segment's first, and its first list in `lists`
  first_page: u32,
  first_list: u32,
  first_row: u32,
  // 1 / the factors of both copies
  inverse: f32,
  words: u32,
  // workgroups
  groups: u32,
}
var<immediate> p: Params;

fn query_of(y: u32) -> u32 { return pairs[y].x; }

{{ tile.memory() }}

{% macro left(k) %}
{{ load.slab_of("a", shape.loads_a, "queries", k, true) }}
{% endmacro %}
{% macro right(k) %}
{{ load.slab_of("b", shape.loads_b, "rows", k, false) }}
{% endmacro %}
{% macro next(k, ahead) %}
      if ({{ ahead }} < p.k) {
{{ left(k) }}
{{ right(k) }}
      }
{% endmacro %}
{% macro of_query(r) %}
//% if bitmap
      let words{{ r }} = query_of(min(y{{ r }}, q_end - 1u)) * p.words;
//% endif
{% endmacro %}
{% macro score(r, j, e) %}
          let at = min(x + {{ e }}u, x_end - 1u);
          value = fma({{ "value * p.inverse, scale[row(at)]" if scaled else "value, p.inverse" }}, bias[at]);
//% if bitmap
          let bit = p.first_row + row(at);
          value = select(SENTINEL, value, (bitmap[words{{ r }} + bit / 32u] >> (bit % 32u) & 1u) != 0u);
//% endif
{% endmacro %}
{% macro keep(r, s) %}
        if (y{{ r }} < q_end && group * 64u < x_end) {
          let best = select(max(m{{ r }}_{{ s }}, SENTINEL), SENTINEL, m{{ r }}_{{ s }} < NO_SCORE);
          let to = pairs[y{{ r }}].y + (earlier + group - x_page) * {{ sub }}u + {{ s }}u;
          bin_best[to] = vec2<u32>(bitcast<u32>(best), (p.first_page + group) * {{ sub }}u + {{ s }}u);
        }
{% endmacro %}

// With memory of its own for what thread 0 tells the kernel would have more than 24 KiB, and half as many workgroups would be resident.
{{ items.find("scratch") }}
@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(num_subgroups) subgroups: u32) {
{{ tile.count() }}
  if (t == 0u) {
    let items = work[p.nlist].x;
{{ items.tell("scratch", 0, "items", "items") }}
  }
{{ items.told("scratch", 0, "end", "end_again") }}
{{ tile.roles() }}
{{ load.registers("queries", "rows") }}
  for (var item = wg.x; item < end; item += p.groups) {
    if (t == 0u) { find(item); }
{{ items.told("scratch", 0, "q0", "q_end") }}
{{ items.told("scratch", 1, "x0", "x_end") }}
{{ items.told("scratch", 2, "x_page", "earlier") }}
    if (counted != {{ sgm * sgn }}.0) {
      // the driver gave this pipeline other subgroups than those it was made for: no bin may be left out
      for (var e = t; e < {{ bm * (bn // bin) }}u; e += {{ threads }}u) {
        let y = q0 + e / {{ bn // bin }}u;
        let bin = x0 / {{ bin }}u + e % {{ bn // bin }}u;
        if (y < q_end && bin * {{ bin }}u < x_end) {
          bin_best[pairs[y].y + (earlier - x_page) * {{ sub }}u + bin] = vec2<u32>(bitcast<u32>(-SENTINEL), p.first_page * {{ sub }}u + bin);
        }
      }
      continue;
    }
{{ load.found("a", shape.loads_a, "q0", "q_end", "query_of") }}
{{ load.found("b", shape.loads_b, "x0", "x_end", "row") }}
{{ left("0u") }}
{{ right("0u") }}
{{ tile.accumulators("") }}
{{ tile.products("queries", "rows", next) }}
{{ bins.best(of_query, score, keep) }}
  }
}

// Stage A of the binned scan on matrix units: s(q, x) = q'.x' / (their scales) + b, {{ "the largest of each bin of %d rows"|format(bin) if bin > 1 else "all of them" }}.
// A workgroup multiplies {{ bm }} queries by `tiles` times {{ bn }} rows, {{ input }} in, f32 out (lib/tile/matrix).
// Bindings: rows (n x stride4 groups of four{{ ", zeros up to whole tiles of n x k" if padded else "" }}), {{ "tables (vec4), " if looked_up else "" }}queries ({{ "f16, zeros up to whole tiles of nq x k" if input == "f16" else "f32, nq x q_stride4 groups of four" }}),
//   bias (by position, up to whole tiles of n; scaled by both scales), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: {{ threads }}.
// Profile keys: kernel.matrix sm sgm sgn bk pad bias tiles input.

//% if input == "f16"
enable f16;
//% endif
enable wgpu_cooperative_matrix;

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/load.wgsl" as load %}
{% import "lib/tile/matrix/multiply.wgsl" as tile %}
{% import "lib/tile/matrix/bin_best.wgsl" as bins %}
{% import "lib/tile/matrix/store.wgsl" as all %}
// the scale of a row comes between its products and its bias
{% set late = epilogue_bias or scaled %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<{{ input }}>>;
alias queries_Group = vec4<{{ input }}>;
fn queries_load(y: u32, k: u32) -> queries_Group { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: queries_Group) -> vec4<{{ input }}> { return g; }
{% include "lib/tile/scan/bindings.wgsl" %}

struct Params {
  nq: u32,
  n: u32,
  k: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  first_tile: u32,
  inverse: f32,
  tiles: u32,
  words: u32,
}
var<immediate> p: Params;

{{ tile.memory() }}

{% macro left(k) %}
{{ load.slab("a", shape.loads_a, "queries", "q0", "p.nq", k, "", input == "f16", true) }}
{% endmacro %}
{% macro right(k, x) %}
{{ load.slab("b", shape.loads_b, "rows", x, "p.n", k, "row", padded and not table, false) }}
{% endmacro %}
{% macro next(k, ahead) %}
      let xn = select(min(x0 + {{ bn }}u, last), x0, {{ ahead }} < p.k);
{{ left(k) }}
{{ right(k, "xn") }}
{% endmacro %}
{% macro of_query(r) %}
//% if bitmap
      // the bits of 64 rows at once; behind the end the bias leaves them out
      let at{{ r }} = min(y{{ r }}, p.nq - 1u) * p.words;
      let word{{ r }} = (p.first_bin + group) * 2u;
      let live{{ r }} = vec2<u32>(bitmap[at{{ r }} + min(word{{ r }}, p.words - 1u)], bitmap[at{{ r }} + min(word{{ r }} + 1u, p.words - 1u)]);
//% endif
{% endmacro %}
{% macro score(r, j, e) %}
//% if scaled
          value = fma(value, scale[row(min(x + {{ e }}u, p.n - 1u))], bias[x + {{ e }}u]);
//% elif late
          value += bias[x + {{ e }}u];
//% endif
//% if bitmap
          let live = live{{ r }}.{{ ["x", "y"][j * edge // 32] }} >> ({{ j * edge % 32 + e }}u + column);
          value = select(SENTINEL, value, (live & 1u) != 0u);
//% endif
{% endmacro %}

{% macro keep_best(r, s) %}
        // behind the end a tile is computed twice, and written once
        if (y{{ r }} < p.nq && start < p.n && group * 64u + {{ s * bin }}u < p.n) {
          // a sentinel stays one whatever the scale
          let best = max(m{{ r }}_{{ s }} * p.inverse, SENTINEL);
          bin_best[y{{ r }} * p.bin_stride + (p.first_bin + group) * {{ 64 // bin }}u + {{ s }}u] = select(best, SENTINEL, m{{ r }}_{{ s }} < NO_SCORE);
        }
{% endmacro %}
{% macro keep(r, j, e) %}
{{ score(r, j, e) }}
          let at = x + {{ e }}u;
          if (y{{ r }} < p.nq && start < p.n && at < p.n) {
            // a sentinel stays one whatever the scale
            bin_best[y{{ r }} * p.bin_stride + p.first_bin * 64u + at] = select(max(value * p.inverse, SENTINEL), SENTINEL, value < NO_SCORE);
          }
{% endmacro %}

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(num_subgroups) subgroups: u32) {
  let first = (p.first_tile + (wg.y + wg.z * p.tiles_y) * p.tiles) * {{ bn }}u;
  let q0 = wg.x * {{ bm }}u;
  if (first >= p.n) { return; }
{{ tile.count() }}
  if (counted != {{ sgm * sgn }}.0) {
    // the driver gave this pipeline other subgroups than those it was made for: no bin may be left out
    let bins = {{ bn // bin }}u * p.tiles;
    for (var e = t; e < {{ bm }}u * bins; e += {{ threads }}u) {
      let y = q0 + e / bins;
      let bin = first / {{ bin }}u + e % bins;
      if (y < p.nq && bin * {{ bin }}u < p.n) { bin_best[y * p.bin_stride + p.first_bin * {{ 64 // bin }}u + bin] = -SENTINEL; }
    }
    return;
  }
{{ tile.roles() }}
{{ load.registers("queries", "rows") }}
{{ left("0u") }}
{{ right("0u", "first") }}
  let last = (p.n - 1u) / {{ bn }}u * {{ bn }}u;
  for (var tile = 0u; tile < p.tiles; tile++) {
    let start = first + tile * {{ bn }}u;
    let x0 = min(start, last);
{{ tile.accumulators("" if late else "bias") }}
{{ tile.products("queries", "rows", next) }}
{{ bins.best(of_query, score, keep_best) if bin > 1 else all.store(keep, of_query) }}
  }
}

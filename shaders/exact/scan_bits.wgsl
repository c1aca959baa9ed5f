// Stage A of the binned scan for rows of bits: for each query and each bin of 64 rows the largest score, a whole number
// (lib/metric/bit_score.wgsl). A workgroup compares {{ bm }} queries with {{ bn }} rows in slabs of {{ bk // 4 }} x 128 bits (lib/tile/register).
// Bindings: rows (n x stride4 groups of 128 bits), queries (nq x q_stride4 groups), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn carry_save.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/columns.wgsl" as columns %}
{% import "lib/tile/register/bits.wgsl" as bits %}
{% import "lib/tile/register/bin_best.wgsl" as bins %}
{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<u32>>;
fn rows_load(x: u32, k: u32) -> vec4<u32> { return rows[x * p.stride4 + k]; }
fn rows_staged(g: vec4<u32>) -> vec4<u32> { return g; }
fn queries_load(y: u32, k: u32) -> vec4<u32> { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: vec4<u32>) -> vec4<u32> { return g; }
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}
{% include "lib/math/ones.wgsl" %}
{% include "lib/metric/bit_score.wgsl" %}

// The query tile, then the row tile, then (main loop done) the ones of each row, then the maxima of each thread.
var<workgroup> tile: array<vec4<u32>, {{ bins.words }}>;

{% macro step(i, j, n) %}
{% set op = "^" if family == "hamming" else "&" %}
//% if n == 2
      c{{ i }}_{{ j }} += ones_of_8(a{{ i }}_0 {{ op }} b{{ j }}_0, a{{ i }}_1 {{ op }} b{{ j }}_1);
//% else
      c{{ i }}_{{ j }} += ones_of_4(a{{ i }}_0 {{ op }} b{{ j }}_0);
//% endif
{% endmacro %}

// Raises `best` to one more than the score of a pair that takes part.
{% macro score(i, j, best) %}
  if (live{{ j }}{{ " && (bitmap[r%d + min(word%d, p.words - 1u)] >> (col%d %% 32u) & 1u) != 0u"|format(i, j, j) if bitmap else "" }}) {
//% if family == "bitjaccard"
    // shares by the products crosswise: one division for all pairs of a bin
    let any = i32(qs{{ i }} + xs{{ j }} - c{{ i }}_{{ j }});
    let both = select(i32(c{{ i }}_{{ j }}), 1, any == 0);
    if (both * {{ best }}_of > {{ best }}_both * max(any, 1)) { {{ best }}_both = both; {{ best }}_of = max(any, 1); }
//% else
    {{ best }} = max({{ best }}, bit_score(c{{ i }}_{{ j }}, {{ "0u, 0u" if family == "hamming" else "qs%d, xs%d"|format(i, j) }}, p.dim) + 1u);
//% endif
  }
{% endmacro %}

{% macro first(best) %}
//% if family == "bitjaccard"
  var {{ best }}_both = -1;
  var {{ best }}_of = 1;
//% else
  var {{ best }} = 0u;
//% endif
{% endmacro %}

{% macro result(best) %}
//% if family == "bitjaccard"
select(0u, share(u32(max({{ best }}_both, 0)), u32({{ best }}_of)) + 1u, {{ best }}_both >= 0)
//% else
{{ best }}
//% endif
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ bits.start() }}
{{ tile.pairs("queries", "rows", "row", step, ["c"], bits.slab) }}
{{ bits.totals() }}
{{ columns.of_thread() }}
//% for j in range(tn)
  let live{{ j }} = col{{ j }} < p.n && bias[row(min(col{{ j }}, p.n - 1u))] > NO_SCORE;
//% endfor
{{ bins.best(score, first, result) }}
}

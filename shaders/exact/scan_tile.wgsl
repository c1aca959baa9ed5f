// Stage A of the binned scan for many queries: s(q, x) = q.x * scale + bias, and of it the largest of each bin of 64 rows.
// A workgroup multiplies {{ bm }} queries by {{ bn }} rows in f32 (lib/tile/register).
// Bindings: rows (n x stride4 groups of four), {{ "tables (vec4), " if looked_up else "" }}queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/columns.wgsl" as columns %}
{% import "lib/tile/register/bin_best.wgsl" as bins %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
fn queries_load(y: u32, k: u32) -> vec4<f32> { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return g; }
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}

// The query tile, then the row tile, then (main loop done) the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ bins.words }}>;

{% macro score(i, j, best) %}
//% if bitmap
  if ((bitmap[r{{ i }} + min(word{{ j }}, p.words - 1u)] >> (col{{ j }} % 32u) & 1u) != 0u)
//% endif
  { {{ best }} = max({{ best }}, {{ "fma(c%d_%d, scale%d, bias%d)"|format(i, j, j, j) if scaled else "fma(c%d_%d, p.inverse, bias%d)"|format(i, j, j) }}); }
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ tile.products("queries", "rows", "row") }}
{{ columns.of_thread() }}
//% for j in range(tn)
  let at{{ j }} = row(min(col{{ j }}, p.n - 1u));
  let bias{{ j }} = select(SENTINEL, bias[at{{ j }}], col{{ j }} < p.n);
//% if scaled
  let scale{{ j }} = scale[at{{ j }}];
//% endif
//% endfor
{{ bins.best(score) }}
}

// Stage A of the binned scan for the metrics that are sums over elements but no products: for each query and each bin of 64 rows
// the largest score, which is the similarity or the negative distance. A workgroup compares {{ bm }} queries with {{ bn }} rows in f32
// (lib/tile/register), adding in an order of its own: src/exact/scan/direct.rs says how far that may lead from the distance that
// decides. `family` names the inner step (lib/metric/step.wgsl).
// Bindings: rows (n x stride4 groups of four), queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/columns.wgsl" as columns %}
{% import "lib/tile/register/bin_best.wgsl" as bins %}
{% import "lib/metric/step.wgsl" as metric %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
fn queries_load(y: u32, k: u32) -> vec4<f32> { return queries[y * p.q_stride4 + k]; }
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}

// The query tile, then the row tile, then (main loop done) the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ bins.words }}>;

{{ metric.constants() }}
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return query_elements(g); }
fn compared_load(x: u32, k: u32) -> rows_Group { return rows_load(x, k); }
fn compared_staged(g: rows_Group) -> vec4<f32> { return row_elements(rows_staged(g)); }

{% macro step(i, j, e) %}
//% if family != "canberra"
{{ metric.step("f32", "a%d.%s"|format(i, e), "b%d.%s"|format(j, e), "c%d_%d"|format(i, j), "d%d_%d"|format(i, j)) }}
//% elif e == "w"
{{ metric.couple("a%d"|format(i), "b%d"|format(j), "c%d_%d"|format(i, j)) }}
//% endif
{% endmacro %}

// Raises `best` to the score of a pair that its bitmap lets pass.
{% macro score(i, j, best) %}
//% if bitmap
  if ((bitmap[r{{ i }} + min(word{{ j }}, p.words - 1u)] >> (col{{ j }} % 32u) & 1u) != 0u)
//% endif
  { {{ best }} = max({{ best }}, {{ metric.value("c%d_%d"|format(i, j), "d%d_%d"|format(i, j)) }} + bias{{ j }}); }
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ tile.pairs("queries", "compared", "row", step, metric.sums) }}
{{ columns.of_thread() }}
//% for j in range(tn)
  // 0 of a row that takes part
  let bias{{ j }} = select(SENTINEL, bias[row(min(col{{ j }}, p.n - 1u))], col{{ j }} < p.n);
//% endfor
//% if family == "kl"
  let limit = p.limit;
//% elif family == "naneuclidean"
  let dim = f32(p.dim);
  let padding = f32((p.k4 + {{ shape.k4 - 1 }}u) / {{ shape.k4 }}u * {{ bk }}u - p.dim);
//% endif
{{ bins.best(score) }}
}

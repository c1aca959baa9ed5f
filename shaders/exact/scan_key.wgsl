// The best key of each query and each bin of 64 rows, of a user's metric. A workgroup compares {{ bm }} queries with {{ bn }} rows
// (lib/tile/register). Each pair is summed by one thread in the order of the elements, padding excluded, as distance.wgsl does
// it; src/exact/exact_bins.rs says why both are held against each other.
// Bindings: rows (n x stride4 groups of four), queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/columns.wgsl" as columns %}
{% import "lib/tile/register/bin_key.wgsl" as bins %}
{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
fn queries_load(y: u32, k: u32) -> vec4<f32> { return queries[y * p.q_stride4 + k]; }
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return g; }
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_best: array<u32>;
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% include "lib/tile/scan/params.wgsl" %}
{% include "lib/metric/custom.wgsl" %}

// The query tile, then the row tile.
var<workgroup> tile: array<vec4<f32>, {{ shape.slabs }}>;
var<workgroup> best: array<atomic<u32>, {{ bins.words }}>;

{% macro step(i, j, e) %}
      c{{ i }}_{{ j }} = accumulate(c{{ i }}_{{ j }}, a{{ i }}.{{ e }}, b{{ j }}.{{ e }});
{% endmacro %}

// Lowers `m` to the key of a pair that is a hit. Without && there are no branches, of which every pair would have two.
{% macro key(i, j, m) %}
    {
      let pair = finish_pair(vec2<f32>(c{{ i }}_{{ j }}, 1.0), p.dim);
      let ok = live{{ j }} & (pair.y != 0.0){{ " & ((bitmap[r%d + min(word%d, p.words - 1u)] >> (col%d %% 32u) & 1u) != 0u)"|format(i, j, j) if bitmap else "" }};
      {{ m }} = min({{ m }}, select(NO_KEY, {{ "descending_key" if descending else "ascending_key" }}(pair.x), ok));
    }
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ bins.clear() }}
{{ tile.pairs("queries", "rows", "", step, ["c"], start="start().x", whole=true) }}
{{ columns.of_thread() }}
//% for j in range(tn)
  let live{{ j }} = select(SENTINEL, bias[min(col{{ j }}, p.n - 1u)], col{{ j }} < p.n) > NO_SCORE;
//% endfor
{{ bins.best(key) }}
}

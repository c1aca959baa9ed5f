// Sums of products as the matrix units make them, to be held against exact ones: out = q.x + b of {{ bm }} queries and {{ bn }} rows.
// One workgroup multiplies one tile, {{ input }} in, f32 out, as a scan does (lib/tile/matrix).
// Bindings: rows (n x stride4 groups of four), queries (nq x stride4 groups of four), bias (n), out (nq x n, out).
// Threads: {{ threads }}.
// Profile keys: kernel.matrix sm sgm sgn bk pad bias.

//% if input == "f16"
enable f16;
//% endif
enable wgpu_cooperative_matrix;

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/load.wgsl" as load %}
{% import "lib/tile/matrix/multiply.wgsl" as tile %}
{% import "lib/tile/matrix/store.wgsl" as results %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<{{ input }}>>;
alias queries_Group = vec4<{{ input }}>;
fn queries_load(y: u32, k: u32) -> queries_Group { return queries[y * p.stride4 + k]; }
fn queries_staged(g: queries_Group) -> vec4<{{ input }}> { return g; }
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<f32>;

struct Params {
  // one whole tile
  nq: u32,
  n: u32,
  // elements of a row, whole slabs
  k: u32,
  stride4: u32,
}
var<immediate> p: Params;

{{ tile.memory() }}

{% macro slab(k, ahead) %}
{{ load.slab("a", shape.loads_a, "queries", "q0", "p.nq", k, "", true, false) }}
{{ load.slab("b", shape.loads_b, "rows", "x0", "p.n", k, "", true, false) }}
{% endmacro %}
{% macro write(r, j, e) %}
//% if epilogue_bias
          value += bias[x + {{ e }}u];
//% endif
          out[y{{ r }} * p.n + x + {{ e }}u] = value;
{% endmacro %}

@compute @workgroup_size({{ threads }})
fn main(@builtin(local_invocation_index) t: u32, @builtin(subgroup_id) subgroup: u32,
        @builtin(subgroup_invocation_id) lane: u32, @builtin(num_subgroups) subgroups: u32) {
  let q0 = 0u;
  let x0 = 0u;
{{ tile.count() }}
  if (counted != {{ sgm * sgn }}.0) {
    // the driver gave this pipeline other subgroups than those it was made for: nothing is near to its sum
    for (var e = t; e < p.nq * p.n; e += {{ threads }}u) { out[e] = -SENTINEL; }
    return;
  }
{{ tile.roles() }}
{{ load.registers("queries", "rows") }}
{{ slab("0u", "0u") }}
{{ tile.accumulators("" if epilogue_bias else "bias") }}
{{ tile.products("queries", "rows", slab) }}
{{ results.store(write) }}
}

// A tile of products on the matrix units: a workgroup of {{ sgm }} x {{ sgn }} subgroups multiplies {{ bm }} x {{ bn }} results in slabs of
// {{ bk }}, each subgroup {{ sm * edge }} x 64 of them in matrices of {{ edge }} x {{ edge }}. Imported with edge bm bn bk sm sgm sgn pad sg threads scalar
// input; the text that calls these macros has `t`, `subgroup`, `subgroups` and `lane`.
//   memory()            two slabs, and a scratch matrix for each subgroup
//   count()             counted: how many subgroups there are, in a form that naga takes for uniform
//   roles()             sy, sx: which results a subgroup has; lr, lk: the row and the group of four that a thread loads
//   put(to, u, value)   a group of the next slab into `sa` or `sb`: row lr + u threads / k4, u from 0 below loads_a or loads_b
//   multiply()          the staged slab onto the accumulators c0_0 ...
//   spill(i, j)         one matrix of results into the subgroup's scratch
// Roles come from the subgroup's number, and the host makes one subgroup a role: matrix operations want control flow that
// naga can prove uniform, so none may sit out. Fragments are opaque: their results pass through the scratch, which the lanes
// read in the order of its addresses, so that no two meet in a bank; that is why a row of it lies in {{ edge // (1 if scalar else 4) }} lanes. Larger
// scratch costs more than it saves: it takes a resident workgroup away.

{% set E = edge %}{% set k4 = bk // 4 %}{% set ld = (bk + pad) // 4 %}
{% set unit = 4 if scalar else 1 %}
{% set columns = 64 // E %}
{% set loads_a = bm * k4 // threads %}{% set loads_b = bn * k4 // threads %}
{% set scratch = E * E * unit // 4 %}
// elements of the scratch that a lane reads, lanes that share a row of it, rows that a lane meets
{% set items = scratch // sg if sg < scratch else 1 %}{% set row = E * unit // 4 %}{% set lanes = sg if sg < row else row %}{% set each = items * lanes // row %}

{% macro memory() %}
//% if scalar
var<workgroup> sa: array<{{ input }}, {{ bm * ld * 4 }}>;
var<workgroup> sb: array<{{ input }}, {{ bn * ld * 4 }}>;
var<workgroup> scratch: array<f32, {{ sgm * sgn * scratch }}>;
//% else
var<workgroup> sa: array<vec4<{{ input }}>, {{ bm * ld }}>;
var<workgroup> sb: array<vec4<{{ input }}>, {{ bn * ld }}>;
var<workgroup> scratch: array<vec4<f32>, {{ sgm * sgn * scratch }}>;
//% endif
{% endmacro %}

{% macro count() %}
  if (t == 0u) { scratch[0] = {{ "f32(subgroups)" if scalar else "vec4<f32>(f32(subgroups))" }}; }
  let counted = workgroupUniformLoad(&scratch[0]){{ "" if scalar else ".x" }};
{% endmacro %}

{% macro roles() %}
  let role = min(subgroup, {{ sgm * sgn - 1 }}u);
  let sy = role / {{ sgn }}u;
  let sx = role % {{ sgn }}u;
  let own = role * {{ scratch }}u;
  let lk = t % {{ k4 }}u;
  let lr = t / {{ k4 }}u;
{% endmacro %}

{% macro put(to, u, value) %}
//% if scalar
      { let at = ((lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk) * 4u; let v = {{ value }}; {{ to }}[at] = v.x; {{ to }}[at + 1u] = v.y; {{ to }}[at + 2u] = v.z; {{ to }}[at + 3u] = v.w; }
//% else
      {{ to }}[(lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk] = {{ value }};
//% endif
{% endmacro %}

{% macro multiply() %}
      for (var kk = 0u; kk < {{ k4 * unit }}u; kk += {{ E // 4 * unit }}u) {
//% for i in range(sm)
        let a{{ i }} = coopLoadT<coop_mat{{ E }}x{{ E }}<{{ input }}, A>>(&sa[(sy * {{ sm * E }}u + {{ i * E }}u) * {{ ld * unit }}u + kk], {{ ld * unit }}u);
//% endfor
//% for j in range(columns)
        let b{{ j }} = coopLoad<coop_mat{{ E }}x{{ E }}<{{ input }}, B>>(&sb[(sx * 64u + {{ j * E }}u) * {{ ld * unit }}u + kk], {{ ld * unit }}u);
//% endfor
//% for i in range(sm)
//% for j in range(columns)
        c{{ i }}_{{ j }} = coopMultiplyAdd(a{{ i }}, b{{ j }}, c{{ i }}_{{ j }});
//% endfor
//% endfor
      }
{% endmacro %}

{% macro spill(i, j) %}
      coopStoreT(c{{ i }}_{{ j }}, &scratch[own], {{ row }}u);
      workgroupBarrier();
{% endmacro %}

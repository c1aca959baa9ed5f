// A tile of products on the matrix units: a workgroup of {{ sgm }} x {{ sgn }} subgroups multiplies {{ bm }} x {{ bn }} results in slabs of
// {{ bk }}, each subgroup {{ sm * edge }} x 64 of them in matrices of {{ edge }} x {{ edge }}. Imported with edge bm bn bk sm sgm sgn pad sg threads scalar
// input; the text that calls these macros has `t`, `subgroup`, `subgroups` and `lane`, and p.k elements in each row, up to whole slabs.
//   memory()               two slabs, and a scratch matrix for each subgroup
//   count()                counted: how many subgroups there are, in a form that naga takes for uniform
//   roles()                sy, sx: which results a subgroup has; lr, lk: the row and the group of four that a thread loads
//   accumulators(start)    c0_0 ..., zero, or where `start` is an array's element that of each column
//   products(left, right, next)
//                          all slabs onto the accumulators, the first of which waits in registers; next(k, ahead) is a macro that
//                          loads the slab from group `k` on, which belongs to this tile where `ahead` < p.k
// Roles come from the subgroup's number, and the host makes one subgroup a role: matrix operations want control flow that
// naga can prove uniform, so none may sit out.

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% set E = shape.E %}{% set unit = shape.unit %}{% set k4 = shape.k4 %}{% set ld = shape.ld %}{% set columns = shape.columns %}

{% macro memory() %}
//% if scalar
var<workgroup> sa: array<{{ input }}, {{ bm * ld * 4 }}>;
var<workgroup> sb: array<{{ input }}, {{ bn * ld * 4 }}>;
var<workgroup> scratch: array<f32, {{ sgm * sgn * shape.scratch }}>;
//% else
var<workgroup> sa: array<vec4<{{ input }}>, {{ bm * ld }}>;
var<workgroup> sb: array<vec4<{{ input }}>, {{ bn * ld }}>;
var<workgroup> scratch: array<vec4<f32>, {{ sgm * sgn * shape.scratch }}>;
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
  let own = role * {{ shape.scratch }}u;
  let lk = t % {{ k4 }}u;
  let lr = t / {{ k4 }}u;
{% endmacro %}

{% macro accumulators(start) %}
//% for i in range(sm)
//% for j in range(columns)
//% if start
    // stride 0: every row of the accumulator is the same {{ E }} numbers
    var c{{ i }}_{{ j }} = coopLoadT<coop_mat{{ E }}x{{ E }}<f32, C>>(&{{ start }}[x0 + sx * 64u + {{ j * E }}u], 0u);
//% else
    var c{{ i }}_{{ j }} = coop_mat{{ E }}x{{ E }}<f32, C>();
//% endif
//% endfor
//% endfor
{% endmacro %}

{% macro products(left, right, next) %}
    for (var k0 = 0u; k0 < p.k; k0 += {{ bk }}u) {
//% for u in range(shape.loads_a)
{{ put("sa", u, "%s_staged(ra%d)"|format(left, u)) }}
//% endfor
//% for u in range(shape.loads_b)
{{ put("sb", u, "%s_staged(rb%d)"|format(right, u)) }}
//% endfor
      workgroupBarrier();
      // the next slab, of this tile or of the next, waits in registers while this one is multiplied
      let ahead = k0 + {{ bk }}u;
      let next = select(0u, ahead, ahead < p.k) / 4u;
{{ next("next", "ahead") }}
{{ multiply() }}
      workgroupBarrier();
    }
{% endmacro %}

// A group of the next slab into `sa` or `sb`: that of row lr + u threads / k4.
{% macro put(to, u, value) %}
//% if scalar
      { let at = ((lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk) * 4u; let v = {{ value }}; {{ to }}[at] = v.x; {{ to }}[at + 1u] = v.y; {{ to }}[at + 2u] = v.z; {{ to }}[at + 3u] = v.w; }
//% else
      {{ to }}[(lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk] = {{ value }};
//% endif
{% endmacro %}

// The staged slab onto the accumulators.
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

// A tile of products in f32 registers, for every kernel that has one: a workgroup multiplies {{ bm }} x {{ bn }} results in slabs of {{ bk }},
// {{ tm }} x {{ tn }} a thread. Imported with bm bn bk tm tn, `input`, the type of what is staged and of the results, and `unrolled`, how many
// groups of a slab are written out in one turn of its loop; the text that calls these macros has `t`, the first rows of its tile `q0` and `x0`,
// their ends p.nq and p.n, p.k4 groups of four in each, and a workgroup array `tile` of vec4<{{ input }}>, at least `slabs` long.
//   products(left, right, map, of)   multiplies the operands of these names, the rows of the right one found through `map`, and, where `of` names them,
//                                those of the left one through of.map, up to the ends of.left and of.right in the place of p.nq and p.n; leaves
//                                result (i, j) of a thread in c0_0 ...: that of row ty + i TY of the left side and tx + j TX of
//                                the right. Neighbours in a quarter of a subgroup so read workgroup memory at odd strides of
//                                16 bytes, without bank conflicts
//   pairs(left, right, map, step, sums, slab)   the same with another inner step: the macro `step(i, j, e)` takes component e of a{i} and
//                                b{j}, one after the other, and adds what it makes of them to the variables of result (i, j),
//                                which begin with `start` or 0: c0_0 ... for `sums` = ["c"]. With `whole` the padding of rows is never
//                                taken: p.dim is then the number of their elements. A macro `slab(step)` has a staged slab to itself,
//                                and ends with a barrier

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/load.wgsl" as load %}
{% set TX = shape.TX %}{% set TY = shape.TY %}{% set threads = shape.threads %}{% set k4 = shape.k4 %}{% set S = shape.S %}
{% set loads_a = shape.loads_a %}{% set loads_b = shape.loads_b %}

{% macro product(i, j, e) %}
      c{{ i }}_{{ j }} = fma(a{{ i }}.{{ e }}, b{{ j }}.{{ e }}, c{{ i }}_{{ j }});
{% endmacro %}

{% set WHOLE = {"map": "", "left": "p.nq", "right": "p.n"} %}
{% macro products(left, right, map, of=WHOLE) %}
{{ pairs(left, right, map, product, ["c"], of=of) }}
{% endmacro %}

{% macro pairs(left, right, map, step, sums, slab=none, start=none, whole=false, of=WHOLE) %}
  let tx = t % {{ TX }}u;
  let ty = t / {{ TX }}u;
  // the group of a slab's row that this thread loads
  let lk = t % {{ k4 }}u;
{{ load.rows("a", loads_a, "q0", of.left, of.map) }}
{{ load.rows("b", loads_b, "x0", of.right, map) }}
//% for i in range(tm)
//% for j in range(tn)
//% for sum in sums
  var {{ sum }}{{ i }}_{{ j }} = {{ start if start else input ~ "(0)" }};
//% endfor
//% endfor
//% endfor
  let none = vec4<{{ input }}>();
  // the slab after the one in use waits in registers: its loads overlap the arithmetic
{{ load.slab("a", loads_a, left, "min(lk, p.k4 - 1u)", "lk", "var ") }}
{{ load.slab("b", loads_b, right, "min(lk, p.k4 - 1u)", "lk", "var ") }}
  for (var k0 = 0u; k0 < p.k4; k0 += {{ k4 }}u) {
{{ stage() }}
    let next = k0 + {{ k4 }}u + lk;
    if (k0 + {{ k4 }}u < p.k4) {
      let at = min(next, p.k4 - 1u);
{{ load.slab("a", loads_a, left, "at", "next", "") }}
{{ load.slab("b", loads_b, right, "at", "next", "") }}
    }
{{ slab(step) if slab else multiply(step, whole) }}
  }
{% endmacro %}

// The slab from the registers into workgroup memory.
{% macro stage() %}
//% for u in range(loads_a)
    tile[(t + {{ u * threads }}u) / {{ k4 }}u * {{ S }}u + lk] = ra{{ u }};
//% endfor
//% for u in range(loads_b)
    tile[{{ bm * S }}u + (t + {{ u * threads }}u) / {{ k4 }}u * {{ S }}u + lk] = rb{{ u }};
//% endfor
    workgroupBarrier();
{% endmacro %}

// The staged slab onto the results.
{% macro multiply(step, whole) %}
{% set turn = unrolled if unrolled < k4 and k4 % unrolled == 0 else k4 %}
//% if whole
    // the groups of this slab that are full, then the elements of the last one, if it is here
    let full = min(p.dim / 4u - k0, {{ k4 }}u);
    var k = 0u;
    for (; k + {{ turn }}u <= full; k += {{ turn }}u) {
{{ turns(step, turn) }}
    }
    for (; k < full; k++) {
{{ group(step, "k") }}
    }
    let rest = select(0u, p.dim % 4u, full < {{ k4 }}u);
    for (var e = 0u; e < rest; e++) {
{{ element(step, "full", "e") }}
    }
//% else
//% if turn < k4
    for (var k = 0u; k < {{ k4 }}u; k += {{ turn }}u) {
//% else
    {
      let k = 0u;
//% endif
{{ turns(step, turn) }}
    }
//% endif
    workgroupBarrier();
{% endmacro %}

{% macro turns(step, turn) %}
//% for u in range(turn)
      {
{{ group(step, "k + %du"|format(u)) }}
      }
//% endfor
{% endmacro %}

// One element of each row, for the same step.
{% macro element(step, k, e) %}
//% for i in range(tm)
      let a{{ i }} = vec4<f32>(tile[(ty + {{ i * TY }}u) * {{ S }}u + {{ k }}][{{ e }}]);
//% endfor
//% for j in range(tn)
      let b{{ j }} = vec4<f32>(tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + {{ k }}][{{ e }}]);
//% for i in range(tm)
{{ step(i, j, "x") }}
//% endfor
//% endfor
{% endmacro %}

{% macro group(step, k) %}
//% for i in range(tm)
      let a{{ i }} = tile[(ty + {{ i * TY }}u) * {{ S }}u + {{ k }}];
//% endfor
//% for j in range(tn)
      let b{{ j }} = tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + {{ k }}];
//% for e in ["x", "y", "z", "w"]
//% for i in range(tm)
{{ step(i, j, e) }}
//% endfor
//% endfor
//% endfor
{% endmacro %}

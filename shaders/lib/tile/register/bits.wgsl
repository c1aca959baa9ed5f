// A register tile of bits, whose groups are 128 of them: the inner loop that multiply.wgsl leaves to its caller, two groups at a time, and
// the ones of each row. Imported with what multiply.wgsl is imported with, `input` = "u32", and `counted`, whether the ones of the rows
// are needed; the text that calls these macros has the functions of math/ones.wgsl.
//   start()       before the loop over the slabs
//   slab(step)    one slab: `step(i, j, n)` adds what it makes of the n groups a{i}_0 ... and b{j}_0 ... to the variable of result (i, j)
//   totals()      behind the loop: the ones of this thread's rows in qs0 ... and xs0 ...

{% import "lib/tile/register/shape.wgsl" as shape %}
{% set TX = shape.TX %}{% set TY = shape.TY %}{% set threads = shape.threads %}{% set k4 = shape.k4 %}{% set S = shape.S %}
{% set loads_a = shape.loads_a %}{% set loads_b = shape.loads_b %}

// Where the group u that this thread stages of either side stands.
{% macro staged(to, u) %}{{ bm * S if to == "b" else 0 }}u + (t + {{ u * threads }}u) / {{ k4 }}u * {{ S }}u + lk{% endmacro %}

{% macro start() %}
//% if counted
//% for to, loads in [("a", loads_a), ("b", loads_b)]
//% for u in range(loads)
  var n{{ to }}{{ u }} = 0u;
//% endfor
//% endfor
//% endif
{% endmacro %}

{% macro slab(step) %}
//% if counted
//% for to, loads in [("a", loads_a), ("b", loads_b)]
//% for u in range(loads)
    n{{ to }}{{ u }} += ones_of_4(tile[{{ staged(to, u) }}]);
//% endfor
//% endfor
//% endif
    // of short rows a slab is mostly empty
    let groups = min({{ k4 }}u, p.k4 - k0);
    var k = 0u;
    for (; k + 2u <= groups; k += 2u) {
{{ pairs(step, 2) }}
    }
    if (k < groups) {
{{ pairs(step, 1) }}
    }
    workgroupBarrier();
{% endmacro %}

{% macro pairs(step, n) %}
//% for i in range(tm)
//% for g in range(n)
      let a{{ i }}_{{ g }} = tile[(ty + {{ i * TY }}u) * {{ S }}u + k + {{ g }}u];
//% endfor
//% endfor
//% for j in range(tn)
//% for g in range(n)
      let b{{ j }}_{{ g }} = tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + k + {{ g }}u];
//% endfor
//% for i in range(tm)
{{ step(i, j, n) }}
//% endfor
//% endfor
{% endmacro %}

{% macro totals() %}
//% if counted
//% for to, loads in [("a", loads_a), ("b", loads_b)]
//% for u in range(loads)
  tile[{{ staged(to, u) }}] = vec4<u32>(n{{ to }}{{ u }}, 0u, 0u, 0u);
//% endfor
//% endfor
  workgroupBarrier();
//% for i in range(tm)
  var qs{{ i }} = 0u;
  for (var g = 0u; g < {{ k4 }}u; g++) { qs{{ i }} += tile[(ty + {{ i * TY }}u) * {{ S }}u + g].x; }
//% endfor
//% for j in range(tn)
  var xs{{ j }} = 0u;
  for (var g = 0u; g < {{ k4 }}u; g++) { xs{{ j }} += tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + g].x; }
//% endfor
  workgroupBarrier();
//% endif
{% endmacro %}

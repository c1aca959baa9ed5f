// What a register tile does with its results where all of them are wanted.
//   store(write)   `write(y, x, value)` is a macro that stores the result of row y of the left side and row x of the right, both of
//                  which are there

{% import "lib/tile/register/shape.wgsl" as shape %}

{% macro store(write) %}
//% for i in range(tm)
//% for j in range(tn)
  {
    let y = q0 + ty + {{ i * shape.TY }}u;
    let x = x0 + tx + {{ j * shape.TX }}u;
    if (y < p.nq && x < p.n) {
{{ write("y", "x", "c%d_%d"|format(i, j)) }}
    }
  }
//% endfor
//% endfor
{% endmacro %}

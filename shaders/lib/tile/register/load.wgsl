// How a register tile loads its sides. A side is an operand by the prefix of its functions (lib/load/operand.wgsl); `to` is "a" for the
// left one and "b" for the right, whose groups wait in ra0 ... and rb0 ...
//   rows(to, count, first, end, map)    the rows that this thread loads groups of, xa0 ... or xb0 ...: those of the tile from
//                                       `first` on, not behind `end`, through the function `map` if it is named
//   slab(to, count, side, at, k, var)   group k of each of these rows, zeros behind the last one; `at` is k within the row

{% import "lib/tile/register/shape.wgsl" as shape %}

{% macro rows(to, count, first, end, map) %}
//% for u in range(count)
  let x{{ to }}{{ u }} = {{ map }}(min({{ first }} + (t + {{ u * shape.threads }}u) / {{ shape.k4 }}u, {{ end }} - 1u));
//% endfor
{% endmacro %}

{% macro slab(to, count, side, at, k, var) %}
//% for u in range(count)
  {{ var }}r{{ to }}{{ u }} = select(none, {{ side }}_staged({{ side }}_load(x{{ to }}{{ u }}, {{ at }})), {{ k }} < p.k4);
//% endfor
{% endmacro %}

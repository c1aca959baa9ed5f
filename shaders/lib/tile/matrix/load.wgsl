// How a tile of the matrix units loads its sides: a slab of each waits in registers, ra0 ... and rb0 ..., as it is stored. A side is an
// operand by the prefix of its functions (lib/load/operand.wgsl).
//   registers(left, right)   declares them
//   slab(to, count, side, first, end, k, map, padded, zeros)
//                            loads the groups from `k` on of the rows from `first` on into the registers of `to`, "a" or "b";
//                            what is `padded` has rows and groups up to whole tiles, of what is not nothing behind row `end`
//                            and group p.k4 is read; `map` is a function through which rows are found, if it is named; `zeros`
//                            instead of what lies behind the last group: only one side has to have them

//   found(to, count, first, end, map)
//                            finds the rows of a side once and for all slabs: xa0 ... or xb0 ..., those of slab() through the function `map`
//   slab_of(to, count, side, k, zeros)
//                            as slab(), of rows that are found

{% import "lib/tile/matrix/shape.wgsl" as shape %}

{% macro registers(left, right) %}
//% for u in range(shape.loads_a)
  var ra{{ u }}: {{ left }}_Group;
//% endfor
//% for u in range(shape.loads_b)
  var rb{{ u }}: {{ right }}_Group;
//% endfor
{% endmacro %}

{% macro slab(to, count, side, first, end, k, map, padded, zeros) %}
//% for u in range(count)
{% set at = "%s + lr + %du"|format(first, u * threads // shape.k4) %}
//% if padded
      r{{ to }}{{ u }} = {{ side }}_load({{ at }}, {{ k }} + lk);
//% elif zeros
      r{{ to }}{{ u }} = select(vec4<{{ input }}>(0.0), {{ side }}_load({{ map }}(min({{ at }}, {{ end }} - 1u)), min({{ k }} + lk, p.k4 - 1u)), {{ k }} + lk < p.k4);
//% else
      r{{ to }}{{ u }} = {{ side }}_load({{ map }}(min({{ at }}, {{ end }} - 1u)), min({{ k }} + lk, p.k4 - 1u));
//% endif
//% endfor
{% endmacro %}

{% macro found(to, count, first, end, map) %}
//% for u in range(count)
    let x{{ to }}{{ u }} = {{ map }}(min({{ first }} + lr + {{ u * threads // shape.k4 }}u, {{ end }} - 1u));
//% endfor
{% endmacro %}

{% macro slab_of(to, count, side, k, zeros) %}
//% for u in range(count)
{% set group = "%s_load(x%s%d, min(%s + lk, p.k4 - 1u))"|format(side, to, u, k) %}
      r{{ to }}{{ u }} = {{ "select(vec4<%s>(0.0), %s, %s + lk < p.k4)"|format(input, group, k) if zeros else group }};
//% endfor
{% endmacro %}

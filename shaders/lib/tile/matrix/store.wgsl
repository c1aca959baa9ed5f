// What a tile of the matrix units does with its results where all of them are wanted.
//   store(write, of_row)
//                  `of_row(r)` is a macro that prepares what row y{r} of the left side needs, if there is one, and `write(r, j, e)` one that stores `value`, the result of row y{r} of the left side and row x + e of the right;
//                  behind the last rows there are results, too

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/results.wgsl" as results %}

{% macro store(write, of_row=none) %}
//% for i in range(sm)
    {
{{ results.rows(i) }}
//% for r in range(shape.each if of_row else 0)
{{ of_row(r) }}
//% endfor
//% for j in range(shape.columns)
{{ results.elements(i, j, write) }}
//% endfor
    }
//% endfor
{% endmacro %}

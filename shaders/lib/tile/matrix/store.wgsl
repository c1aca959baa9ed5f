// What a tile of the matrix units does with its results where all of them are wanted.
//   store(write)   `write(r, j, e)` is a macro that stores `value`, the result of row y{r} of the left side and row x + e of the right;
//                  behind the last rows there are results, too

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/results.wgsl" as results %}

{% macro store(write) %}
//% for i in range(sm)
    {
{{ results.rows(i) }}
//% for j in range(shape.columns)
{{ results.elements(i, j, write) }}
//% endfor
    }
//% endfor
{% endmacro %}

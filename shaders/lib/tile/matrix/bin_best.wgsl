// What a tile of the matrix units does with its results where only the best of each bin of {{ bin }} columns is wanted.
//   best(of_row, score, keep)   `of_row(r)` is a macro that prepares what row y{r} of the left side needs; `score(r, j, e)` one that makes
//                         the score of `value`, a result as results.wgsl gives them; `keep(r, s)` stores m{r}_{s}, the best of row y{r} in
//                         bin number s of the 64 columns of `group`

{% import "lib/tile/matrix/shape.wgsl" as shape %}
{% import "lib/tile/matrix/results.wgsl" as results %}
{% set sub = 64 // bin %}{% set E = shape.E %}

{% macro best(of_row, score, keep) %}
    let group = x0 / 64u + sx;
//% for i in range(sm)
    {
{{ results.rows(i) }}
//% for r in range(shape.each)
//% for s in range(sub)
      var m{{ r }}_{{ s }} = SENTINEL;
//% endfor
{{ of_row(r) }}
//% endfor
{% macro raise(r, j, e) %}
{{ score(r, j, e) }}
          m{{ r }}_{{ j * E // bin }} = max(m{{ r }}_{{ j * E // bin }}, value);
{% endmacro %}
//% for j in range(shape.columns)
{{ results.elements(i, j, raise) }}
//% endfor
//% for r in range(shape.each)
//% for s in range(sub)
//% for x in [1, 2, 4]
//% if shape.lanes > x
      m{{ r }}_{{ s }} = max(m{{ r }}_{{ s }}, subgroupShuffleXor(m{{ r }}_{{ s }}, {{ x }}u));
//% endif
//% endfor
      if (lane % {{ shape.lanes }}u == {{ s % shape.lanes }}u) {
{{ keep(r, s) }}
      }
//% endfor
//% endfor
    }
//% endfor
{% endmacro %}

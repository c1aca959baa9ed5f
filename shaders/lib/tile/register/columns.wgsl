// Where the results of a thread stand in the whole: imported by the kernels whose register tiles keep the best of each bin, with `bitmap`.
//   of_thread()   the columns col0 ..., and with `bitmap` their words word0 ... in one and where those of its rows begin: r0 ...

{% import "lib/tile/register/shape.wgsl" as shape %}

{% macro of_thread() %}
//% for j in range(tn)
  let col{{ j }} = x0 + tx + {{ j * shape.TX }}u;
//% if bitmap
  let word{{ j }} = p.first_bin * 2u + col{{ j }} / 32u;
//% endif
//% endfor
//% if bitmap
//% for i in range(tm)
  let r{{ i }} = min(q0 + ty + {{ i * shape.TY }}u, p.nq - 1u) * p.words;
//% endfor
//% endif
{% endmacro %}

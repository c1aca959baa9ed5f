// What a register tile does with its results where the best key of each bin of 64 columns is wanted. The text that calls this has
// bin_best, p.bin_stride and p.first_bin beside what register/multiply.wgsl needs, and `best`, a workgroup array of `words` atomic u32.
//   clear()     makes every key of `best` NO_KEY; before the products
//   best(key)   `key(i, j, m)` is a macro that lowers the variable m to the key of result c{i}_{j}, if that is a hit

{% import "lib/tile/register/shape.wgsl" as shape %}
{% set TX = shape.TX %}{% set TY = shape.TY %}{% set threads = shape.threads %}
// bins of a tile, columns of a bin that a thread has
{% set NB = bn // 64 %}{% set PER = tn // NB %}
// Keys of a query and a bin: so many, so that fewer threads wait for each other at one.
{% set lanes = 4 %}
{% set words = bm * NB * lanes %}

{% macro clear() %}
  for (var e = t; e < {{ words }}u; e += {{ threads }}u) { atomicStore(&best[e], NO_KEY); }
{% endmacro %}

{% macro best(key) %}
//% for b in range(NB)
//% for i in range(tm)
  {
    var m = NO_KEY;
//% for j in range(b * PER, (b + 1) * PER)
{{ key(i, j, "m") }}
//% endfor
    atomicMin(&best[((ty + {{ i * TY }}u) * {{ NB }}u + {{ b }}u) * {{ lanes }}u + tx % {{ lanes }}u], m);
  }
//% endfor
//% endfor
  workgroupBarrier();
  for (var e = t; e < {{ bm * NB }}u; e += {{ threads }}u) {
    var least = atomicLoad(&best[e * {{ lanes }}u]);
//% for u in range(1, lanes)
    least = min(least, atomicLoad(&best[e * {{ lanes }}u + {{ u }}u]));
//% endfor
    let m = e / {{ NB }}u;
    let bin = x0 / 64u + e % {{ NB }}u;
    if (q0 + m < p.nq && bin * 64u < p.n) { bin_best[(q0 + m) * p.bin_stride + p.first_bin + bin] = least; }
  }
{% endmacro %}

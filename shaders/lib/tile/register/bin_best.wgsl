// What a register tile does with its results where only the best of each bin of 64 columns is wanted. The text that calls this has
// bin_best, p.bin_stride and p.first_bin beside what register/multiply.wgsl needs, and `words` of vec4<{{ input }}> in `tile`.
//   best(score)   `score(i, j, m)` is a macro that raises the variable m to the score of result c{i}_{j}; where `input` is "u32", to one
//                 more than the score, 0 being none
//   best(score, first, result)   the same where what is raised is more than a variable: `first(m)` declares it, `result(m)` is the maximum
//   best(score, keep=keep)   the same where `keep(m, b, best)` stores the best of bin b of row m of the tile, if there are such

{% import "lib/tile/register/shape.wgsl" as shape %}
{% set TX = shape.TX %}{% set TY = shape.TY %}{% set threads = shape.threads %}
// bins of a tile, columns of a bin that a thread has
{% set NB = bn // 64 %}{% set PER = tn // NB %}
{% set maxima = NB * (tm // 4) * threads %}
{% set words = shape.slabs if shape.slabs > maxima else maxima %}

{% macro best(score, first=none, result=none, keep=none) %}
//% for b in range(NB)
//% for i in range(tm)
{{ first("m%d_%d"|format(b, i)) if first else "  var m%d_%d = SENTINEL;"|format(b, i) }}
//% for j in range(b * PER, (b + 1) * PER)
{{ score(i, j, "m%d_%d"|format(b, i)) }}
//% endfor
//% endfor
//% for i4 in range(tm // 4)
  tile[{{ (b * (tm // 4) + i4) * threads }}u + t] = vec4<{{ input }}>(
//% for i in range(4 * i4, 4 * i4 + 4)
    {{ result("m%d_%d"|format(b, i)) if result else "m%d_%d"|format(b, i) }},
//% endfor
  );
//% endfor
//% endfor
  workgroupBarrier();
  for (var e = t; e < {{ bm * NB }}u; e += {{ threads }}u) {
    let b = e % {{ NB }}u;
    let m = e / {{ NB }}u;
    let i = m / {{ TY }}u;
    let at = ((b * {{ tm // 4 }}u + i / 4u) * {{ TY }}u + m % {{ TY }}u) * {{ TX }}u;
    let component = i % 4u;
    var best = tile[at][component];
//% for u in range(1, TX)
    best = max(best, tile[at + {{ u }}u][component]);
//% endfor
//% if keep
{{ keep("m", "b", "best") }}
//% else
    let bin = x0 / 64u + b;
    if (q0 + m < p.nq && bin * 64u < p.n) {
      bin_best[(q0 + m) * p.bin_stride + p.first_bin + bin] = {{ "select(SENTINEL, f32(best - 1u), best > 0u)" if input == "u32" else "best" }};
    }
//% endif
  }
{% endmacro %}

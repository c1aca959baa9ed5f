// What a scan row by row does with its scores: the best of the bin, eight threads a query. Imported with `q` and `bitmap`; the text that calls
// these macros has a workgroup array `scores` of {{ q }} x 64, and what register/bin_best.wgsl needs.
//   keep()   within a loop over e, of thread t e = t, t + 256, ...: keeps the score s of the row at position x, whose number is `at`, for query
//            q0 + e / 64, where it takes part
//   best()   behind that loop

{% macro keep() %}
    var live = x < p.n;
//% if bitmap
    let bit = p.first_bin * BIN + at;
    live = live && (bitmap[min(q0 + e / 64u, p.nq - 1u) * p.words + bit / 32u] >> (bit % 32u) & 1u) != 0u;
//% endif
    scores[e] = select(SENTINEL, s, live);
{% endmacro %}

{% macro best() %}
  workgroupBarrier();
  var best = SENTINEL;
  if (t < {{ q * 8 }}u) {
//% for u in range(8)
    best = max(best, scores[t * 8u + {{ u }}u]);
//% endfor
  }
  workgroupBarrier();
  if (t < {{ q * 8 }}u) { scores[t] = best; }
  workgroupBarrier();
  if (t < {{ q }}u && q0 + t < p.nq) {
    best = SENTINEL;
//% for u in range(8)
    best = max(best, scores[t * 8u + {{ u }}u]);
//% endfor
    bin_best[(q0 + t) * p.bin_stride + p.first_bin + bin] = best;
  }
{% endmacro %}

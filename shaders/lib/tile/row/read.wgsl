// How rows are read where that is all that costs. A workgroup of 256 has one bin; eight neighbours read 128 bytes of one row together, so
// 32 rows at a time, twice. Imported with `q` and `dtype`; the text that calls these macros has `t`, `wg` and `rows` as words of 16 bytes.
//   begin()             the bin, the first query q0, and where this thread's two rows begin: x0 and x1, which are the rows where `dtype` is looked up
//   steps(per, steps, each)   both rows, a word of `per` groups of four at a time: `each(s)` is a macro that takes the words u{s} and v{s},
//                       number k + 8 s of `groups`, of the first row and of the second; several at once, then what is left one by one
//                       (rows that are looked up come a group at a time, as floats)

{% set looked_up = dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"] %}
{% macro begin() %}
  let bin = p.first_tile + wg.y + wg.z * p.tiles_y;
  let q0 = wg.x * {{ q }}u;
  if (bin * BIN >= p.n) { return; }
  let j = t % 8u;
  let r = t / 8u;
  let x0 = row(min(bin * BIN + r, p.n - 1u)){{ "" if looked_up else " * p.stride4" }};
  let x1 = row(min(bin * BIN + r + 32u, p.n - 1u)){{ "" if looked_up else " * p.stride4" }};
{% endmacro %}

{% macro steps(per, steps, each) %}
//% if looked_up
  for (var k = j; k < p.k4; k += 8u) {
    let u0 = row4_at(x0, k);
    let v0 = row4_at(x1, k);
{{ each(0) }}
  }
//% else
  let groups = (p.k4 + {{ per - 1 }}u) / {{ per }}u;
  let z0 = x0 / {{ per }}u;
  let z1 = x1 / {{ per }}u;
  var k = j;
//% for n in [steps, 1]
  for (; k + {{ n * 8 - 8 }}u < groups; k += {{ n * 8 }}u) {
//% for s in range(n)
    let u{{ s }} = rows[z0 + k + {{ s * 8 }}u];
    let v{{ s }} = rows[z1 + k + {{ s * 8 }}u];
//% endfor
//% for s in range(n)
{{ each(s) }}
//% endfor
  }
//% endfor
//% endif
{% endmacro %}

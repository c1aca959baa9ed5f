// Products of a query with rows that are codes of a product quantizer, each the sum of what its codes select of the query's products with all
// that a code can stand for (query_tables.wgsl). A workgroup of 256 has as many parts at a time as 16 KiB hold: 16 of 8 bits, 256 of 4.
// Imported with `bits`, `per` (rows of a thread) and `skipped` (whether a word comes before the codes). The text that calls these macros
// has `t`, `table` (a workgroup array of 4096 words), `rows` (groups of four words where codes have 4 or 8 bits, else words), `products`, and
// p.parts and p.stride4.
//   sums(at)   s0, s1, ...: the sums of the rows x0, x1, ..., of the products from `at` on
//   maxima()   of the 64 values from table[64 t] on, of which the workgroup wrote {{ per * 256 }} in all: `best` of thread t < {{ per * 4 }}

{% set unit = 16 if bits == 8 else 32 %}
{% set codes = 2 ** bits %}
{% set slab = 2 ** (12 - bits) %}
{% set whole = bits in [4, 8] %}
{% macro code(r, j) -%}
{%- set word = j * bits // 32 -%}
{%- set shift = j * bits % 32 -%}
{%- set w = "w%d.%s"|format(r, ["x", "y", "z", "w"][word]) if whole else "w%d_%d"|format(r, word) -%}
{%- if shift + bits > 32 -%}
((({{ w }} >> {{ shift }}u) | (w{{ r }}_{{ word + 1 }} << {{ 32 - shift }}u)) & {{ codes - 1 }}u)
{%- else -%}
(({{ w }} >> {{ shift }}u) & {{ codes - 1 }}u)
{%- endif -%}
{%- endmacro %}

{% macro sums(at) %}
//% for r in range(per)
  var s{{ r }} = 0.0;
//% endfor
  for (var first = 0u; first < p.parts; first += {{ slab }}u) {
    let count = min({{ slab }}u, p.parts - first);
    workgroupBarrier();
    for (var e = t; e < count * {{ codes }}u; e += {{ unit * codes }}u) {
      let start = {{ at }} + first * {{ codes }}u + e;
//% for i in range(unit * codes // 256)
      let v{{ i }} = products[start + {{ i * 256 }}u];
//% endfor
//% for i in range(unit * codes // 256)
      table[e + {{ i * 256 }}u] = v{{ i }};
//% endfor
    }
    workgroupBarrier();
    for (var m = 0u; m < count; m += {{ unit }}u) {
      let unit = m * {{ codes }}u;
//% if whole
      let word = (first + m) / {{ unit }}u;
//% for r in range(per)
      let w{{ r }} = rows[x{{ r }} * (p.stride4 / 4u) + word];
//% endfor
//% else
      // parts behind the last, whose products are 0, may have no word
      let word = (first + m) / {{ unit }}u * {{ bits }}u{{ " + 1u" if skipped }};
//% for r in range(per)
//% for i in range(bits)
      let w{{ r }}_{{ i }} = rows[x{{ r }} * p.stride4 + min(word + {{ i }}u, p.stride4 - 1u)];
//% endfor
//% endfor
//% endif
//% for j in range(0, unit, 2)
//% for r in range(per)
      s{{ r }} += bitcast<f32>(table[unit + {{ j * codes }}u + {{ code(r, j) }}]) + bitcast<f32>(table[unit + {{ (j + 1) * codes }}u + {{ code(r, j + 1) }}]);
//% endfor
//% endfor
    }
  }
  workgroupBarrier();
{% endmacro %}

{% macro maxima() %}
  workgroupBarrier();
  var best = SENTINEL;
  if (t < {{ per * 32 }}u) {
//% for u in range(8)
    best = max(best, bitcast<f32>(table[t * 8u + {{ u }}u]));
//% endfor
  }
  workgroupBarrier();
  if (t < {{ per * 32 }}u) { table[t] = bitcast<u32>(best); }
  workgroupBarrier();
  if (t < {{ per * 4 }}u) {
    best = SENTINEL;
//% for u in range(8)
    best = max(best, bitcast<f32>(table[t * 8u + {{ u }}u]));
//% endfor
  }
{% endmacro %}

// Scores of the metrics that are sums over elements but no products, for the kernels that add in an order of their own: the
// similarity, or the negative distance. Macros, imported with `family` and, of lp, `power`; elements are 0 or 2^-100 to 2^60
// (canberra: from 2^-60 on), so that no difference of two is subnormal.
//   sums                        the names of the sums that a pair has
//   step(t, a, b, c, d)         adds a query's a and a row's b to the sums c and d; all are of type t, f32 or vec4<f32>
//   couple(a, b, c)             of canberra alone: the same for a whole group of four and an f32
//   joined(c, e)                what two parts of a sum make together
//   value(c, d)                 the score; the text that calls it has `dim`, the elements of a row as f32, `padding`, how many
//                               zeros were compared behind them, and `limit`, which no sum of a hit reaches (kl)
//   constants()                 what these need at module scope, and functions that make the elements of either side fit for them:
//                               query_elements(v) and row_elements(v)

{% set sums = ["c", "d"] if family in ["braycurtis", "jaccard", "naneuclidean"] else ["c"] %}

{% macro constants() %}
// Nothing that is a hit scores less: what is farther is as far as that, and where the k nearest are, every bin passes.
const FARTHEST: f32 = -21267647932558653966460912964485513216.0; // -2^124
//% if family == "naneuclidean"
// What is missing becomes a number that is far from all others and from what is missing on the other side: differences of 2^90 and
// more are no differences. So nothing is computed of NaN, with which compilers under fast math may do as they like.
const MISSING: f32 = 1267650600228229401496703205376.0; // 2^100
const FAR: f32 = 1237940039285380274899124224.0; // 2^90
fn present(v: vec4<f32>, missing: f32) -> vec4<f32> {
  return select(v, vec4<f32>(missing), (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}
fn query_elements(v: vec4<f32>) -> vec4<f32> { return present(v, MISSING); }
fn row_elements(v: vec4<f32>) -> vec4<f32> { return present(v, -MISSING); }
//% elif family == "kl"
// sum q log(q / x) is sum q log q, which is the same for all rows of a query, less q . log x: a product with the logarithms of the rows.
// An x of 0 puts the sum beyond every limit where q is not 0, and adds nothing where it is.
const FAR: f32 = 1267650600228229401496703205376.0; // 2^100
fn query_elements(v: vec4<f32>) -> vec4<f32> { return v; }
fn row_elements(v: vec4<f32>) -> vec4<f32> {
  return select(log2(max(v, vec4<f32>(1.1754944e-38))), vec4<f32>(-FAR), v == vec4<f32>(0.0));
}
//% else
fn query_elements(v: vec4<f32>) -> vec4<f32> { return v; }
fn row_elements(v: vec4<f32>) -> vec4<f32> { return v; }
//% endif
//% if family == "canberra"
// Below every sum of two magnitudes that are not both 0; two of it multiply to a normal number.
const TINY: f32 = 4.3368087e-19; // 2^-61
//% endif
{% endmacro %}

{% macro step(t, a, b, c, d) %}
//% if family == "l1"
      {{ c }} += abs({{ a }} - {{ b }});
//% elif family == "linf"
      {{ c }} = max({{ c }}, abs({{ a }} - {{ b }}));
//% elif family == "lp"
      { let z = abs({{ a }} - {{ b }}); {{ powered(c) }} }
//% elif family == "canberra"
      {{ c }} += abs({{ a }} - {{ b }}) / max(abs({{ a }}) + abs({{ b }}), {{ t }}(TINY));
//% elif family == "braycurtis"
      {{ c }} += abs({{ a }} - {{ b }});
      {{ d }} += abs({{ a }} + {{ b }});
//% elif family == "jaccard"
      {{ c }} += min({{ a }}, {{ b }});
      {{ d }} += max({{ a }}, {{ b }});
//% elif family == "kl"
      {{ c }} = fma({{ a }}, {{ b }}, {{ c }});
//% elif family == "jensenshannon"
      {
        let r = {{ t }}(1.0) / max({{ t }}(0.5) * {{ a }} + {{ t }}(0.5) * {{ b }}, {{ t }}(1.1754944e-38));
        // 0 log 0 = 0
        {{ c }} = fma({{ a }}, log2(max({{ a }} * r, {{ t }}(1.1754944e-38))), {{ c }});
        {{ c }} = fma({{ b }}, log2(max({{ b }} * r, {{ t }}(1.1754944e-38))), {{ c }});
      }
//% elif family == "naneuclidean"
//% if t == "f32"
      // four instructions with a condition each; two selections would be one more
      { let z = {{ a }} - {{ b }}; if (abs(z) < FAR) { {{ c }} = fma(z, z, {{ c }}); {{ d }} += 1.0; } }
//% else
      {
        let z = {{ a }} - {{ b }};
        let y = select({{ t }}(0.0), z, abs(z) < {{ t }}(FAR));
        {{ c }} = fma(y, y, {{ c }});
        {{ d }} += select({{ t }}(0.0), {{ t }}(1.0), abs(z) < {{ t }}(FAR));
      }
//% endif
//% endif
{% endmacro %}

{% macro couple(a, b, c) %}
//% for pair in ["xy", "zw"]
      // two quotients at the cost of one division; where both elements are 0 the difference is, too
      {
        let z = abs({{ a }}.{{ pair }} - {{ b }}.{{ pair }});
        let w = max(abs({{ a }}.{{ pair }}) + abs({{ b }}.{{ pair }}), vec2<f32>(TINY));
        {{ c }} += fma(z.x, w.y, z.y * w.x) / (w.x * w.y);
      }
//% endfor
{% endmacro %}

// The whole power of z onto a sum, by products.
{% macro powered(c) %}
//% if power == 2
{{ c }} = fma(z, z, {{ c }});
//% else
let z2 = z * z;
//% if power == 3
{{ c }} = fma(z2, z, {{ c }});
//% elif power == 4
{{ c }} = fma(z2, z2, {{ c }});
//% elif power == 5
{{ c }} = fma(z2 * z2, z, {{ c }});
//% else
{{ c }} = fma(z2 * z2, z2, {{ c }});
//% endif
//% endif
{% endmacro %}

{% macro joined(c, e) %}{{ "max(%s, %s)"|format(c, e) if family == "linf" else "(%s + %s)"|format(c, e) }}{% endmacro %}

{% macro value(c, d) %}
//% if family == "braycurtis"
select(max(-({{ c }} / max({{ d }}, 1.1754944e-38)), FARTHEST), SENTINEL, {{ d }} == 0.0 && {{ c }} > 0.0)
//% elif family == "jaccard"
select({{ c }} / {{ d }}, 1.0, {{ d }} == 0.0)
//% elif family == "naneuclidean"
select(SENTINEL, max(-({{ c }} * (dim / max({{ d }} - padding, 1.0))), FARTHEST), {{ d }} > padding)
//% elif family == "kl"
select(SENTINEL, {{ c }}, {{ c }} > -limit)
//% elif family == "jensenshannon"
({{ c }} * -0.34657359)
//% else
max(-{{ c }}, FARTHEST)
//% endif
{% endmacro %}

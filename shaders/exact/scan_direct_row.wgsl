// Stage A of the binned scan for few queries under the metrics of scan_direct: {{ q }} queries at a time, as scan_row multiplies them.
// Bindings: rows ({{ dtype }}, n x stride4 groups of four), queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: a workgroup of 256 has one bin. Eight neighbours read 128 bytes of one row together, whatever the type, so 32 rows at a
// time, twice; then one thread a (query, row) adds their eight parts, and eight threads a query take the maximum.
// Profile keys: kernel.scan max_row_queries.

{% set per = 1 if dtype == "f32" else 4 if dtype in ["i8", "u8"] else 2 %}{% set steps = 4 if per == 1 else 2 %}
{% import "lib/tile/row/read.wgsl" as read %}
{% import "lib/tile/row/bin_best.wgsl" as best %}
{% include "lib/constants.wgsl" %}
{% import "lib/metric/step.wgsl" as metric %}
{% include "lib/load/element.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}

{{ metric.constants() }}

// The parts of the first sum, then those of the second.
var<workgroup> parts: array<f32, {{ q * 512 * (metric.sums|length) }}>;
var<workgroup> scores: array<f32, {{ q * 64 }}>;

{% macro whole(sum) %}{{ metric.joined(metric.joined(sum ~ ".x", sum ~ ".y"), metric.joined(sum ~ ".z", sum ~ ".w")) }}{% endmacro %}

{% macro step(s) %}
//% for g in range(per)
    {
//% set part = [".x", ".y", ".z", ".w"][g] if per == 4 else [".xy", ".zw"][g]
      let u = row_elements(floats({{ "bitcast<vec4<f32>>(u%d)"|format(s) if per == 1 else "u%d%s"|format(s, part) }}));
      let v = row_elements(floats({{ "bitcast<vec4<f32>>(v%d)"|format(s) if per == 1 else "v%d%s"|format(s, part) }}));
      let at = (k + {{ s * 8 }}u) * {{ per }}u + {{ g }}u;
//% for i in range(q)
      {
//% if per == 1
        let w = query_elements(queries[y{{ i }} + at]);
//% else
        // a row is padded with zeros, a query is not
        let w = select(vec4<f32>(0.0), query_elements(queries[y{{ i }} + min(at, p.k4 - 1u)]), at < p.k4);
//% endif
{{ metric.step("vec4<f32>", "w", "u", "c%d"|format(i), "d%d"|format(i)) }}
{{ metric.step("vec4<f32>", "w", "v", "c%d_32"|format(i), "d%d_32"|format(i)) }}
      }
//% endfor
    }
//% endfor
{% endmacro %}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
{{ read.begin() }}
//% for i in range(q)
  let y{{ i }} = min(q0 + {{ i }}u, p.nq - 1u) * p.q_stride4;
//% for sum in metric.sums
  var {{ sum }}{{ i }} = vec4<f32>(0.0);
  var {{ sum }}{{ i }}_32 = vec4<f32>(0.0);
//% endfor
//% endfor
{{ read.steps(per, steps, step) }}
//% for i in range(q)
//% for sum in metric.sums
{% set first = loop.index0 * q * 512 + i * 512 %}
  parts[{{ first }}u + t] = {{ whole("%s%d"|format(sum, i)) }};
  parts[{{ first + 256 }}u + t] = {{ whole("%s%d_32"|format(sum, i)) }};
//% endfor
//% endfor
  workgroupBarrier();
  for (var e = t; e < {{ q * 64 }}u; e += 256u) {
    let x = bin * BIN + e % 64u;
//% for sum in metric.sums
{% set first = loop.index0 * q * 512 %}
    var {{ sum }} = parts[{{ first }}u + e * 8u];
//% for u in range(1, 8)
    {{ sum }} = {{ metric.joined(sum, "parts[%du + e * 8u]"|format(first + u)) }};
//% endfor
//% endfor
//% if family == "kl"
    let limit = p.limit;
//% elif family == "naneuclidean"
    let dim = f32(p.dim);
    let padding = f32(groups * {{ per * 4 }}u - p.dim);
//% endif
    let at = row(min(x, p.n - 1u));
    let s = {{ metric.value("c", "d") }} + bias[at];
{{ best.keep() }}
  }
{{ best.best() }}
}

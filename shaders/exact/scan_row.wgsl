// Stage A of the binned scan for few queries, where reading the rows is all that costs: as scan_tile, {{ q }} queries at a time.
// Bindings: rows ({{ "f16" if dtype == "f16copy" else "i8" if dtype == "int8copy" else dtype }}, n x stride4 groups of four), queries ({{ "nq x q_stride4: scale, high bytes, low bytes" if dtype == "int8copy" else "nq x q_stride4 vec4" }}), bias (n), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one bin. Eight neighbours read 128 bytes of one row together, whatever the type (with loads
// of 8 bytes an H200 reads 3.5 TB/s, with these of 16 bytes 4.2), so 32 rows at a time, twice; then one thread a
// (query, row) adds their eight parts, and eight threads a query take the maximum.
// It reads words of 16 bytes, in which it knows the elements of each stored type: other operands go through scan_tile.
// Profile keys: kernel.scan max_row_queries.

{% set per = 1 if dtype == "f32" else 4 if dtype in ["i8", "u8", "int8copy"] else 2 %}{% set steps = 4 if per == 1 else 2 %}
{% import "lib/tile/row/read.wgsl" as read %}
{% import "lib/tile/row/bin_best.wgsl" as best %}
{% include "lib/constants.wgsl" %}
//% if dtype != "int8copy"
{% include "lib/load/element.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
//% if dtype == "int8copy"
// A query is scale (h + l / 256), h and l whole: two products of bytes in integers cost a tenth of products of floats, which
// the bytes of the rows would first have to become.
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<u32>>;
fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
  return (dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y)) + (dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w));
}
//% else
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
//% endif
{% include "lib/tile/scan/bindings.wgsl" %}
{% include "lib/tile/scan/params.wgsl" %}

var<workgroup> parts: array<f32, {{ q * 512 }}>;
var<workgroup> scores: array<f32, {{ q * 64 }}>;

{% macro step(s) %}
//% if dtype == "int8copy"
//% for i in range(q)
    {
      let h = queries[y{{ i }} + 1u + k + {{ s * 8 }}u];
      let l = queries[y{{ i }} + 1u + groups + k + {{ s * 8 }}u];
      ah{{ i }} += dot16(h, u{{ s }});
      al{{ i }} += dot16(l, u{{ s }});
      bh{{ i }} += dot16(h, v{{ s }});
      bl{{ i }} += dot16(l, v{{ s }});
    }
//% endfor
//% else
//% for g in range(per)
    {
//% set part = [".x", ".y", ".z", ".w"][g] if per == 4 else [".xy", ".zw"][g]
      let u = floats({{ "bitcast<vec4<f32>>(u%d)"|format(s) if per == 1 else "u%d%s"|format(s, part) }});
      let v = floats({{ "bitcast<vec4<f32>>(v%d)"|format(s) if per == 1 else "v%d%s"|format(s, part) }});
//% if per == 1
      let at = k + {{ s * 8 }}u;
//% else
      // a row is padded with zeros, a query is not
      let at = min((k + {{ s * 8 }}u) * {{ per }}u + {{ g }}u, p.k4 - 1u);
//% endif
//% for i in range(q)
      { let z = queries[y{{ i }} + at]; a{{ i }} = fma(z, u, a{{ i }}); b{{ i }} = fma(z, v, b{{ i }}); }
//% endfor
    }
//% endfor
//% endif
{% endmacro %}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
{{ read.begin() }}
//% for i in range(q)
  let y{{ i }} = min(q0 + {{ i }}u, p.nq - 1u) * p.q_stride4;
//% if dtype == "int8copy"
  var ah{{ i }} = 0;
  var al{{ i }} = 0;
  var bh{{ i }} = 0;
  var bl{{ i }} = 0;
//% else
  var a{{ i }} = vec4<f32>(0.0);
  var b{{ i }} = vec4<f32>(0.0);
//% endif
//% endfor
{{ read.steps(per, steps, step) }}
//% for i in range(q)
//% if dtype == "int8copy"
  let unit{{ i }} = bitcast<f32>(queries[y{{ i }}].x);
  parts[{{ i * 512 }}u + t] = fma(f32(al{{ i }}), 0.00390625, f32(ah{{ i }})) * unit{{ i }};
  parts[{{ i * 512 + 256 }}u + t] = fma(f32(bl{{ i }}), 0.00390625, f32(bh{{ i }})) * unit{{ i }};
//% else
  parts[{{ i * 512 }}u + t] = (a{{ i }}.x + a{{ i }}.y) + (a{{ i }}.z + a{{ i }}.w);
  parts[{{ i * 512 + 256 }}u + t] = (b{{ i }}.x + b{{ i }}.y) + (b{{ i }}.z + b{{ i }}.w);
//% endif
//% endfor
  workgroupBarrier();
  for (var e = t; e < {{ q * 64 }}u; e += 256u) {
    let x = bin * BIN + e % 64u;
    var s = parts[e * 8u];
//% for u in range(1, 8)
    s += parts[e * 8u + {{ u }}u];
//% endfor
    let at = row(min(x, p.n - 1u));
    s = {{ "fma(s, scale[at], bias[at])" if scaled else "fma(s, p.inverse, bias[at])" if dtype == "f16copy" else "s + bias[at]" }};
{{ best.keep() }}
  }
{{ best.best() }}
}

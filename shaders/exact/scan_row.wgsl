// Stage A of the binned scan for few queries, where reading the rows is all that costs: as scan_tile, {{ q }} queries at a time.
// Bindings: rows ({{ "f16" if dtype == "f16copy" else "i8" if dtype == "int8copy" else dtype }}, n x stride4 groups of four{{ ", of words" if looked_up else "" }}), {{ "tables (vec4), " if looked_up else "" }}queries ({{ "nq x q_stride4: scale, high bytes, low bytes" if dtype == "int8copy" else "nq x q_stride4 vec4" }}), bias (n), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one bin. Eight neighbours read 128 bytes of one row together, whatever the type (with loads
// of 8 bytes an H200 reads 3.5 TB/s, with these of 16 bytes 4.2), so 32 rows at a time, twice; then one thread a
// (query, row) adds their eight parts, and eight threads a query take the maximum.
// It reads words of 16 bytes, in which it knows the elements of each stored type; rows of codes are looked up, a group of four at a time.
// Profile keys: kernel.scan max_row_queries.

{% import "lib/tile/row/read.wgsl" as read %}
{% import "lib/tile/row/product.wgsl" as product %}
{% import "lib/tile/row/bin_best.wgsl" as best %}
{% include "lib/constants.wgsl" %}
//% if dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"]
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> tables: array<vec4<f32>>;
fn range4(i: u32) -> vec4<f32> { return tables[i]; }
{% set groups = "p.k4" %}
{% include "lib/load/tables.wgsl" %}
//% else
//% if dtype != "int8copy"
{% include "lib/load/element.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
//% endif
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

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
{{ read.begin() }}
//% for i in range(q)
  let y{{ i }} = min(q0 + {{ i }}u, p.nq - 1u) * p.q_stride4;
//% endfor
{{ product.begin() }}
{{ read.steps(product.per, product.steps, product.step) }}
{{ product.end() }}
  workgroupBarrier();
  for (var e = t; e < {{ q * 64 }}u; e += 256u) {
    let x = bin * BIN + e % 64u;
    var s = parts[e * 8u];
//% for u in range(1, 8)
    s += parts[e * 8u + {{ u }}u];
//% endfor
    let at = row(min(x, p.n - 1u));
    s = {{ "fma(s, scale[at], bias[at])" if scaled else "fma(s, p.inverse, bias[at])" }};
{{ best.keep() }}
  }
{{ best.best() }}
}

// Row storage as groups of four elements, one function whatever the type: row4(i) is group i as f32, row4i(i) as i32.
// Included with `dtype`, and where rows are codes of a scalar quantizer (sq8, sq6, sq4) with `groups`, the groups of a row that hold elements,
// and `ranges_in`: "queries", where these end with the ranges, or a binding of their own.

//% if dtype in ["sq8", "sq6", "sq4"]
//% if ranges_in == "queries"
fn range4(i: u32) -> vec4<f32> { return queries[p.ranges + i]; }
//% else
@group(0) @binding({{ slot() }}) var<storage, read> ranges: array<vec4<f32>>;
fn range4(i: u32) -> vec4<f32> { return ranges[i]; }
//% endif
{% include "lib/load/decoded.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<u32>;
fn row4(i: u32) -> vec4<f32> { return decoded(rows[i], i % p.stride4); }
//% else
{% include "lib/load/element.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<Group>;
fn row4(i: u32) -> vec4<f32> { return floats(rows[i]); }
//% if dtype in ["i8", "u8"]
fn row4i(i: u32) -> vec4<i32> { return integers(rows[i]); }
//% endif
//% endif

// Row storage as groups of four elements, one function whatever the type: row4(i) is group i as f32, row4i(i) as i32, and row4_at(x, k)
// group k of row x. Included with `dtype`, and where rows are codes that are looked up (tables.wgsl) with `groups`, the groups of a row that
// hold elements, and `ranges_in`: "queries", where these end with the tables, or a binding of their own. Of codes there is row4_at() alone.

{% set looked_up = dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"] %}
//% if looked_up
//% if ranges_in == "queries"
fn range4(i: u32) -> vec4<f32> { return queries[p.ranges + i]; }
//% else
@group(0) @binding({{ slot() }}) var<storage, read> ranges: array<vec4<f32>>;
fn range4(i: u32) -> vec4<f32> { return ranges[i]; }
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<u32>;
{% include "lib/load/tables.wgsl" %}
//% else
{% include "lib/load/element.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<Group>;
fn row4(i: u32) -> vec4<f32> { return floats(rows[i]); }
//% if dtype in ["i8", "u8"]
fn row4i(i: u32) -> vec4<i32> { return integers(rows[i]); }
//% endif
//% endif
//% if not looked_up
fn row4_at(x: u32, k: u32) -> vec4<f32> { return row4(x * p.stride4 + k); }
//% endif

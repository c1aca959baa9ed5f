// Row storage as groups of four elements, one function whatever the type: row4(i) is group i as f32, row4i(i) as i32.
// Included with `dtype`.

{% include "lib/load/element.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<Group>;
fn row4(i: u32) -> vec4<f32> { return floats(rows[i]); }
//% if dtype in ["i8", "u8"]
fn row4i(i: u32) -> vec4<i32> { return integers(rows[i]); }
//% endif

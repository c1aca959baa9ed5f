// The operand of a tile that reads rows as they are stored. Included with `dtype` (f32, bf16, f16, i8, u8, f16copy, which is f16
// whose subnormals may be flushed, or rows that are looked up by tables.wgsl) and `input` (f16 or f32, the type that is multiplied; every
// value of the rows must be one of it, but for what is looked up: that is multiplied by a factor, and rounded by grid.wgsl).
// Every operand declares its bindings, `rows` among them, and defines what the tiles call:
//   rows_Group         four elements as they wait in registers for their turn
//   rows_load(x, k)    the elements 4k to 4k + 3 of row x; nothing is computed yet, so that loads overlap
//   rows_staged(g)     the same as vec4<{{ input }}>, as the tile multiplies them

//% if dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"]
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> tables: array<vec4<f32>>;
fn range4(i: u32) -> vec4<f32> { return tables[i]; }
{% set groups = "p.k4" %}
{% include "lib/load/tables.wgsl" %}
alias rows_Group = vec4<f32>;
fn rows_load(x: u32, k: u32) -> rows_Group { return row4_at(x, k); }
//% if input == "f16"
{% include "lib/load/grid.wgsl" %}
fn rows_staged(g: rows_Group) -> vec4<f16> { return vec4<f16>(on_grid(g * range4(1u).y)); }
//% else
fn rows_staged(g: rows_Group) -> vec4<f32> { return g; }
//% endif
//% else
//% if input == "f16" and dtype in ["f16", "f16copy"]
alias rows_Group = vec4<f16>;
fn rows_staged(g: rows_Group) -> vec4<f16> { return g; }
//% else
{% include "lib/load/element.wgsl" %}
alias rows_Group = Group;
fn rows_staged(g: rows_Group) -> vec4<{{ input }}> { return {{ "floats(g)" if input == "f32" else "vec4<f16>(floats(g))" }}; }
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<rows_Group>;
fn rows_load(x: u32, k: u32) -> rows_Group { return rows[x * p.stride4 + k]; }
//% endif

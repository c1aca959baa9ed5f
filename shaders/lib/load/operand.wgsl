// The operand of a tile that reads rows as they are stored. Included with `dtype` (f32, bf16, f16, i8, u8, or f16copy, which is f16
// whose subnormals may be flushed) and `input` (f16 or f32, the type that is multiplied; every value of the rows must be one of it).
// Every operand declares its bindings, `rows` among them, and defines what the tiles call:
//   rows_Group         four elements as they wait in registers for their turn
//   rows_load(x, k)    the elements 4k to 4k + 3 of row x; nothing is computed yet, so that loads overlap
//   rows_staged(g)     the same as vec4<{{ input }}>, as the tile multiplies them

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

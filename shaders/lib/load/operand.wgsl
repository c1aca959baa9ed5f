// Four elements of one side of a product: {{ side }}_Group as they are stored, {{ side }}_staged() as the matrix units take them.
// Included with `side`, `source` (f32, bf16, f16, i8, u8 or f16copy, the scaled copy in f16) and `input` (f16 or f32, the type that is
// multiplied; every value of the source must be one of it).

//% if input == "f16" and source in ["f16", "f16copy"]
alias {{ side }}_Group = vec4<f16>;
fn {{ side }}_staged(g: {{ side }}_Group) -> vec4<f16> { return g; }
//% else
{% set dtype = source %}
{% include "lib/load/element.wgsl" %}
alias {{ side }}_Group = Group;
fn {{ side }}_staged(g: Group) -> vec4<{{ input }}> { return {{ "floats(g)" if input == "f32" else "vec4<f16>(floats(g))" }}; }
//% endif

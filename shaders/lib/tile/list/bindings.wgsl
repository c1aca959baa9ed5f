// What the kernels of stage A by lists bind behind rows and queries, and how they find rows. Included with `by_list`, whether the loop goes over lists, `scaled`,
// `bitmap` and `row_map`.
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_best: array<vec2<u32>>;
//% if by_list
@group(0) @binding({{ slot() }}) var<storage, read> work: array<vec2<u32>>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> lists: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> pairs: array<vec2<u32>>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

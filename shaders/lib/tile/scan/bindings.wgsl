// What the kernels of stage A bind behind rows and queries, in the order in which scan/piece.rs lists it, and how they find rows.
// Included with `scaled`, `bitmap` and `row_map`.
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_best: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

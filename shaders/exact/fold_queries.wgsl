// Queries as rows of codes are multiplied with them: q'_j = q_j step_j / unit (src/exact/coding.rs).
// Bindings: queries (nq x k4 vec4), ranges (vec4: k4 minima, k4 steps, then k4 factors step / unit), folded (nq x k4 vec4, out).
// Threads: one thread four elements of one query.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> ranges: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> folded: array<vec4<f32>>;

struct Params {
  // groups of four of all queries
  n: u32,
  k4: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  if (i < p.n) { folded[i] = queries[i] * ranges[2u * p.k4 + i % p.k4]; }
}

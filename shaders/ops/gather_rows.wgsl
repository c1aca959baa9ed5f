// Copies rows by number: out[i] = rows[from[i]], whole rows of `words` 16-byte words.
// Bindings: rows (source segment), source (count row numbers), out (count rows, from out_first on).
// Threads: one thread a 16-byte word.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> source: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec4<u32>>;

struct Params {
  count: u32,
  words: u32,
  first: u32,
  out_first: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let row = i / p.words;
  if (row >= p.count) { return; }
  out[(p.out_first + row) * p.words + i % p.words] = rows[source[p.first + row] * p.words + i % p.words];
}

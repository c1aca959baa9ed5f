// Copies rows to numbered places: out[places[i].y] = rows[places[i].x], whole rows of `words` 16-byte words.
// Bindings: rows (source segment), places (count pairs: row in `rows`, row in `out`, each of those at most once), out (segment).
// Threads: one thread a 16-byte word.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> places: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<vec4<u32>>;

struct Params {
  count: u32,
  words: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let at = i / p.words;
  if (at >= p.count) { return; }
  let place = places[at];
  out[place.y * p.words + i % p.words] = rows[place.x * p.words + i % p.words];
}

// Rows of another layout: out row i = the `row_bytes` bytes at `start` + i * `stride` of the source, and zeros up to the stride of `words` words in out.
// Bindings: source (words), out (n rows of `words` words).
// Threads: one thread a word of four bytes.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> source: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<u32>;

struct Params {
  n: u32,
  words: u32,
  row_bytes: u32,
  start: u32,
  stride: u32,
  // where the rows begin in out
  out_first: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = (wg.x + wg.y * p.groups_x) * 256u + t;
  let row = i / p.words;
  if (row >= p.n) { return; }
  let first = i % p.words * 4u;
  var word = 0u;
  if (first < p.row_bytes) {
    let at = p.start + row * p.stride + first;
    let shift = at % 4u * 8u;
    word = source[at / 4u] >> shift;
    // the rest of a word that lies across two, where it is wanted
    let left = min(p.row_bytes - first, 4u);
    if (shift + left * 8u > 32u) { word |= source[at / 4u + 1u] << (32u - shift); }
    if (left < 4u) { word &= (1u << (left * 8u)) - 1u; }
  }
  out[p.out_first * p.words + i] = word;
}

// Copies words by number: out[i] = values[places[i]].
// Bindings: values (any number), places (n numbers of them), out (n, out).
// Threads: a workgroup of 256 has 1024 numbers, four a thread.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> values: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> places: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<u32>;

struct Params {
  n: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wg.x + wg.y * p.groups_x) * 1024u + t;
//% for u in range(4)
  let v{{ u }} = values[places[min(first + {{ u * 256 }}u, p.n - 1u)]];
//% endfor
//% for u in range(4)
  if (first + {{ u * 256 }}u < p.n) { out[first + {{ u * 256 }}u] = v{{ u }}; }
//% endfor
}

// Two prefix sums side by side, for one binding: items before those of each list, and pairs before its own.
// Bindings: items (n), pair_starts (n), work (n vec2, out).
// Threads: one a list.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> pair_starts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> work: array<vec2<u32>>;

struct Params {
  n: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < p.n) { work[id.x] = vec2<u32>(items[id.x], pair_starts[id.x]); }
}

// The sum of each block of `length` values, modulo 2^32: sums[b] = values[b length] + ... + values[(b + 1) length - 1].
// Bindings: values (n), sums (ceil(n / length) or more, out; 0 for a block behind the values).
// Threads: a workgroup of 256 has a block, and takes {{ tile }} values of it at a time.
// Profile keys: none.

{% include "lib/math/prefix.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> values: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> sums: array<u32>;

struct Params {
  n: u32,
  length: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = wg.x * p.length;
  let end = min(first + p.length, p.n);
  var sum = 0u;
  for (var at = first + t; at < end; at += {{ tile }}u) {
    // all loads are on their way at a time
//% for u in range(tile // 256)
    let v{{ u }} = values[min(at + {{ u * 256 }}u, p.n - 1u)];
//% endfor
//% for u in range(tile // 256)
    sum += select(0u, v{{ u }}, at + {{ u * 256 }}u < end);
//% endfor
  }
  let all = sum_below(t, sum).y;
  if (t == 0u) { sums[wg.x] = all; }
}

// The segment that each element is in: out[i] = the last s < count with offsets[s] <= places[i], by halving.
// Bindings: offsets (count + 1, of which the first is 0; none is below the one before), places (n elements), out (n, out).
// Threads: a workgroup of 256 has 1024 elements, four a thread.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> offsets: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> places: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<u32>;

struct Params {
  n: u32,
  // segments
  count: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wg.x + wg.y * p.groups_x) * 1024u + t;
//% for u in range(4)
  let i{{ u }} = first + {{ u * 256 }}u;
  let place{{ u }} = places[min(i{{ u }}, p.n - 1u)];
  var s{{ u }} = 0u;
//% endfor
  // the four searches go side by side: each step keeps s or moves it on by half of what is left
  var left = p.count;
  while (left > 1u) {
    let half = left / 2u;
//% for u in range(4)
    s{{ u }} = select(s{{ u }}, s{{ u }} + half, offsets[s{{ u }} + half] <= place{{ u }});
//% endfor
    left -= half;
  }
//% for u in range(4)
  if (i{{ u }} < p.n) { out[i{{ u }}] = s{{ u }}; }
//% endfor
}

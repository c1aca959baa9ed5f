// How often each digit occurs in each block of {{ block }} keys: counts[d stride + b] = |{i in block b : keys[i] >> shift & mask = d}|.
// Bindings: keys (n), counts (mask + 1 x stride, out; a row has a word more than there are blocks, which is left as it is).
// Threads: a workgroup of 256 has a block, {{ block // 256 }} keys a thread.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

struct Params {
  n: u32,
  shift: u32,
  mask: u32,
  stride: u32,
  groups_x: u32,
}
var<immediate> p: Params;

// neighbouring threads have counters of their own, four a digit: equal keys wait less for each other
var<workgroup> histogram: array<atomic<u32>, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let b = wg.x + wg.y * p.groups_x;
  // the last workgroups of a folded dispatch have no block
  if (b + 1u >= p.stride) { return; }
//% for c in range(4)
  atomicStore(&histogram[{{ c * 256 }}u + t], 0u);
//% endfor
//% for u in range(block // 256)
  let i{{ u }} = b * {{ block }}u + {{ u * 256 }}u + t;
  let k{{ u }} = keys[min(i{{ u }}, p.n - 1u)];
//% endfor
  workgroupBarrier();
//% for u in range(block // 256)
  if (i{{ u }} < p.n) { atomicAdd(&histogram[(k{{ u }} >> p.shift & p.mask) * 4u + t % 4u], 1u); }
//% endfor
  workgroupBarrier();
  if (t <= p.mask) {
    var sum = 0u;
//% for c in range(4)
    sum += atomicLoad(&histogram[t * 4u + {{ c }}u]);
//% endfor
    counts[t * p.stride + b] = sum;
  }
}

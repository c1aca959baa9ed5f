// How often each key below `bins` occurs: counts[k] += |{i : keys[i] = k}|. Sums of integers are the same in any order.
//% if private
// Each workgroup counts in memory of its own, where neighbouring threads have `copies` counters of a bin, and adds what it has in the end.
//% else
// There are too many bins for the memory of a workgroup: it counts {{ slots }} of its keys there, whichever come to own a slot of a
// hash table, and each of the others in `counts`. A key that is frequent among its keys owns its slot almost surely.
//% endif
// Bindings: keys (n), counts (bins, in and out).
// Threads: a workgroup of 256 has `length` keys, {{ "eight" if private else "sixteen, all of them," }} a thread at a time.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<atomic<u32>>;

struct Params {
  n: u32,
  bins: u32,
  // a power of two
  copies: u32,
  length: u32,
  groups_x: u32,
}
var<immediate> p: Params;

var<workgroup> own: array<atomic<u32>, {{ slots }}>;
//% if not private
var<workgroup> owners: array<atomic<u32>, {{ slots }}>;

fn slot_of(key: u32) -> u32 { return key * 2654435769u >> {{ slot_shift }}u; }
//% endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wg.x + wg.y * p.groups_x) * p.length;
  let end = min(first + p.length, p.n);
//% if private
  for (var i = t; i < p.bins * p.copies; i += 256u) { atomicStore(&own[i], 0u); }
  workgroupBarrier();
  for (var at = first + t; at < end; at += 2048u) {
//% for u in range(8)
    let k{{ u }} = keys[min(at + {{ u * 256 }}u, p.n - 1u)];
//% endfor
//% for u in range(8)
    if (at + {{ u * 256 }}u < end && k{{ u }} < p.bins) { atomicAdd(&own[k{{ u }} * p.copies + (t & (p.copies - 1u))], 1u); }
//% endfor
  }
  workgroupBarrier();
  for (var k = t; k < p.bins; k += 256u) {
    var sum = 0u;
    for (var c = 0u; c < p.copies; c++) { sum += atomicLoad(&own[k * p.copies + c]); }
    if (sum > 0u) { atomicAdd(&counts[k], sum); }
  }
//% else
//% for u in range(slots // 256)
  atomicStore(&own[{{ u * 256 }}u + t], 0u);
//% endfor
//% for u in range(16)
  let i{{ u }} = first + {{ u * 256 }}u + t;
  let k{{ u }} = keys[min(i{{ u }}, p.n - 1u)];
//% endfor
//% for u in range(16)
  let counts{{ u }} = i{{ u }} < end && k{{ u }} < p.bins;
  // the last one stays
  if (counts{{ u }}) { atomicStore(&owners[slot_of(k{{ u }})], k{{ u }}); }
//% endfor
  workgroupBarrier();
//% for u in range(16)
  if (counts{{ u }}) {
    let slot = slot_of(k{{ u }});
    if (atomicLoad(&owners[slot]) == k{{ u }}) { atomicAdd(&own[slot], 1u); } else { atomicAdd(&counts[k{{ u }}], 1u); }
  }
//% endfor
  workgroupBarrier();
//% for u in range(slots // 256)
  let sum{{ u }} = atomicLoad(&own[{{ u * 256 }}u + t]);
  // without a key the slot has no owner
  if (sum{{ u }} > 0u) { atomicAdd(&counts[atomicLoad(&owners[{{ u * 256 }}u + t])], sum{{ u }}); }
//% endfor
//% endif
}

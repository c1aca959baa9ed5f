// Sorts keys by one digit, those with the same digit in the order that they have: key i goes to the place that is
// the number of keys with smaller digits + of keys with its digit before it. {{ "Its value goes along." if values else "Its number i goes along as its value." }}
// A thread learns how many of the 32 keys of a round of its group come before its own from bits that they set in a word of
// their digit, so that the order of atomic operations does not show. The block is put in order in workgroup memory first:
// then neighbouring threads write to neighbouring places.
// Bindings: keys (n), {{ "values (n), " if values }}starts (mask + 1 x stride: how many keys with the digit d stand before block b, last of each row all of them), out_keys (n, out), out_values (n, out).
// Threads: a workgroup of 256 has a block of {{ block }} keys, 32 neighbouring threads a group of {{ block // 8 }} of them.
// Profile keys: none.

{% set items = block // 256 %}
{% include "lib/math/prefix.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> keys: array<u32>;
//% if values
@group(0) @binding({{ slot() }}) var<storage, read> values: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> starts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out_keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out_values: array<u32>;

struct Params {
  n: u32,
  shift: u32,
  mask: u32,
  stride: u32,
  groups_x: u32,
}
var<immediate> p: Params;

// first 256 words of bits a group, then 256 words of counters of two groups each; later the keys and the values in order
var<workgroup> words: array<atomic<u32>, {{ block }}>;
// where a digit's keys go, less where the first of them stands in the block
var<workgroup> moves: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let b = wg.x + wg.y * p.groups_x;
  // the last workgroups of a folded dispatch have no block
  if (b + 1u >= p.stride) { return; }
  let first = b * {{ block }}u;
  let group = t / 32u;
  let lane = t % 32u;
  let before = (1u << lane) - 1u;
  let counters = 2048u + group / 2u * 256u;
  let half = group % 2u * 16u;
//% for u in range(items)
  let i{{ u }} = first + group * {{ block // 8 }}u + {{ u * 32 }}u + lane;
  let k{{ u }} = keys[min(i{{ u }}, p.n - 1u)];
  atomicStore(&words[{{ u * 256 }}u + t], 0u);
//% endfor
  workgroupBarrier();
//% for u in range(items)
  let d{{ u }} = k{{ u }} >> p.shift & p.mask;
  let bits{{ u }} = group * 256u + d{{ u }};
  if (i{{ u }} < p.n) { atomicOr(&words[bits{{ u }}], 1u << lane); }
  workgroupBarrier();
  let same{{ u }} = atomicLoad(&words[bits{{ u }}]);
  let rank{{ u }} = (atomicLoad(&words[counters + d{{ u }}]) >> half & 0xffffu) + countOneBits(same{{ u }} & before);
  workgroupBarrier();
  // the last of those with a digit counts them
  if (i{{ u }} < p.n && same{{ u }} >> lane == 1u) {
    atomicAdd(&words[counters + d{{ u }}], countOneBits(same{{ u }}) << half);
    atomicStore(&words[bits{{ u }}], 0u);
  }
  workgroupBarrier();
//% endfor

  // from here to the next barrier thread t has the digit t
  var in_block = 0u;
//% for g in range(4)
  let pair{{ g }} = atomicLoad(&words[{{ 2048 + g * 256 }}u + t]);
  let even{{ g }} = in_block;
  let odd{{ g }} = even{{ g }} + (pair{{ g }} & 0xffffu);
  in_block = odd{{ g }} + (pair{{ g }} >> 16u);
//% endfor
  let start = sum_below(t, in_block).x;
  var all = 0u;
  var earlier = 0u;
  if (t <= p.mask) {
    all = starts[t * p.stride + p.stride - 1u];
    earlier = starts[t * p.stride + b];
  }
  moves[t] = sum_below(t, all).x + earlier - start;
//% for g in range(4)
  atomicStore(&words[{{ 2048 + g * 256 }}u + t], start + even{{ g }} | (start + odd{{ g }}) << 16u);
//% endfor
  workgroupBarrier();
//% for u in range(items)
  let at{{ u }} = (atomicLoad(&words[counters + d{{ u }}]) >> half & 0xffffu) + rank{{ u }};
  let v{{ u }} = {{ "values[min(i%s, p.n - 1u)]"|format(u) if values else "i%s"|format(u) }};
//% endfor
  workgroupBarrier();
//% for u in range(items)
  if (i{{ u }} < p.n) { atomicStore(&words[at{{ u }}], k{{ u }}); }
//% endfor
  workgroupBarrier();
//% for u in range(items)
  let key{{ u }} = atomicLoad(&words[{{ u * 256 }}u + t]);
  let to{{ u }} = moves[key{{ u }} >> p.shift & p.mask] + {{ u * 256 }}u + t;
  if (first + {{ u * 256 }}u + t < p.n) { out_keys[to{{ u }}] = key{{ u }}; }
//% endfor
  workgroupBarrier();
//% for u in range(items)
  if (i{{ u }} < p.n) { atomicStore(&words[at{{ u }}], v{{ u }}); }
//% endfor
  workgroupBarrier();
//% for u in range(items)
  if (first + {{ u * 256 }}u + t < p.n) { out_values[to{{ u }}] = atomicLoad(&words[{{ u * 256 }}u + t]); }
//% endfor
}

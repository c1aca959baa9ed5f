// What decides whether a metric takes rows, and what the scan's bounds assume of them. Bits are looked at as integers, since compilers may
// take floats for finite, and devices small ones for zero.
// Bindings: rows (n x stride4 groups of four), facts (5 words, zero before: bits of the largest |x|^2, bits of the largest |x_i|,
// flags FRACTION, SHORT, DOUBTFUL, the complement of the bits of the smallest |x_i| that is not 0, and rows with an element of 0).
// Threads: a workgroup of 256 has 32 rows, eight neighbours one of them.
// Profile keys: none.

{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read_write> facts: array<atomic<u32>>;

struct Params {
  n: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
  // 1 where negative elements are refused
  non_negative: u32,
  // elements of a row that are looked at for zeros: all, or none where nobody asks
  counted: u32,
}
var<immediate> p: Params;

// some element is no whole number
const FRACTION = 1u;
// some row's elements are all below 2^-80, and not all zero
const SHORT = 2u;
// the host has to look: an element that is not finite, or negative and refused; a |x|^2 near 2^120 or above
const DOUBTFUL = 4u;

// bits of 2^-80, of 2^60 and of 2^119
const SHORT_BITS = 0x17800000u;
const LONG_BITS = 0x5d800000u;
const SQUARE_BITS = 0x7b000000u;

var<workgroup> parts: array<vec4<f32>, 256>;
var<workgroup> sizes: array<u32, 256>;
var<workgroup> zeros: array<u32, 256>;
var<workgroup> found: array<atomic<u32>, 5>;

// FRACTION or 0 of each element of these magnitudes
fn fractions(bits: vec4<u32>) -> vec4<u32> {
  let exponent = bits >> vec4<u32>(23u);
  // bits of the mantissa that stand behind the point
  let behind = vec4<u32>(150u) - clamp(exponent, vec4<u32>(127u), vec4<u32>(150u));
  let rest = bits & ((vec4<u32>(1u) << behind) - vec4<u32>(1u));
  let small = (exponent < vec4<u32>(127u)) & (bits != vec4<u32>(0u));
  return select(vec4<u32>(0u), vec4<u32>(FRACTION), small | (rest != vec4<u32>(0u)));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  if (t < 5u) { atomicStore(&found[t], 0u); }
  workgroupBarrier();
  let row = (wg.x + wg.y * p.groups_x) * 32u + t / 8u;
  let at = min(row, p.n - 1u) * p.stride4;
  var acc = vec4<f32>(0.0);
  var most = vec4<u32>(0u);
  var least = vec4<u32>(0u);
  var flags = vec4<u32>(0u);
  var zero = 0u;
  for (var k = t % 8u; k < p.k4; k += 8u) {
    let v = row4(at + k);
    acc = fma(v, v, acc);
    let bits = bitcast<vec4<u32>>(v);
    let size = bits & vec4<u32>(0x7fffffffu);
    most = max(most, size);
    least = max(least, select(~size, vec4<u32>(0u), size == vec4<u32>(0u)));
    flags |= fractions(size);
    let inside = vec4<u32>(k * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.counted);
    zero |= select(0u, 1u, any((size == vec4<u32>(0u)) & inside));
    let negative = (bits > vec4<u32>(0x80000000u)) & vec4<bool>(p.non_negative != 0u);
    flags |= select(vec4<u32>(0u), vec4<u32>(DOUBTFUL), negative | (size > vec4<u32>(LONG_BITS)));
  }
  parts[t] = acc;
  sizes[t] = max(max(most.x, most.y), max(most.z, most.w));
  zeros[t] = zero;
  atomicOr(&found[2], flags.x | flags.y | flags.z | flags.w);
  atomicMax(&found[3], max(max(least.x, least.y), max(least.z, least.w)));
  workgroupBarrier();
  if (t % 8u == 0u) {
    let sum = tree8(parts[t], parts[t + 1u], parts[t + 2u], parts[t + 3u], parts[t + 4u], parts[t + 5u], parts[t + 6u], parts[t + 7u]);
    var size = 0u;
    for (var u = 0u; u < 8u; u++) {
      size = max(size, sizes[t + u]);
      zero |= zeros[t + u];
    }
    if (zero != 0u && row < p.n) { atomicAdd(&found[4], 1u); }
    atomicMax(&found[0], bitcast<u32>(sum));
    atomicMax(&found[1], size);
    let short = select(0u, SHORT, size > 0u && size < SHORT_BITS);
    atomicOr(&found[2], short | select(0u, DOUBTFUL, bitcast<u32>(sum) > SQUARE_BITS));
  }
  workgroupBarrier();
  if (t == 0u) {
    atomicMax(&facts[0], atomicLoad(&found[0]));
    atomicMax(&facts[1], atomicLoad(&found[1]));
    atomicOr(&facts[2], atomicLoad(&found[2]));
    atomicMax(&facts[3], atomicLoad(&found[3]));
    atomicAdd(&facts[4], atomicLoad(&found[4]));
  }
}

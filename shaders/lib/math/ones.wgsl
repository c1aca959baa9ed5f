// How many bits are 1. Included with `carry_save`: whether carry-save adders bring words together first, each of which turns three words into
// the two digits of their sums, place by place: two operations of three inputs in the place of a count. Where a count costs four
// operations or more that is faster, where it costs one it is slower.
//   ones_of_4(u)       of the 128 bits of u
//   ones_of_8(u, v)    of the 256 bits of u and v

//% if carry_save
fn carries(a: u32, b: u32, c: u32) -> u32 { return (a & b) | (c & (a | b)); }

fn ones_of_4(u: vec4<u32>) -> u32 {
  let twos = carries(u.x, u.y, u.z);
  return countOneBits(u.x ^ u.y ^ u.z) + countOneBits(u.w) + 2u * countOneBits(twos);
}

fn ones_of_8(u: vec4<u32>, v: vec4<u32>) -> u32 {
  let a = u.x ^ u.y ^ u.z;
  let b = u.w ^ v.x ^ v.y;
  let twos_a = carries(u.x, u.y, u.z);
  let twos_b = carries(u.w, v.x, v.y);
  let twos_c = carries(a, b, v.z);
  let fours = carries(twos_a, twos_b, twos_c);
  let odd = countOneBits(a ^ b ^ v.z) + countOneBits(v.w);
  return odd + 2u * countOneBits(twos_a ^ twos_b ^ twos_c) + 4u * countOneBits(fours);
}
//% else
fn ones_of_4(u: vec4<u32>) -> u32 {
  let n = countOneBits(u);
  return (n.x + n.y) + (n.z + n.w);
}

fn ones_of_8(u: vec4<u32>, v: vec4<u32>) -> u32 { return ones_of_4(u) + ones_of_4(v); }
//% endif

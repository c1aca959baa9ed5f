// An f16 from its bits, in integers: it needs no f16 feature and keeps subnormals.


fn half_of(h: u32) -> f32 {
  let magnitude = h & 0x7fffu;
  // 15 bits of an f16 moved under an f32 exponent that is 112 too small; subnormals are whole multiples of 2^-24
  let normal = bitcast<f32>((magnitude << 13u) + 0x38000000u);
  let special = bitcast<f32>((magnitude << 13u) + 0x70000000u);
  let v = select(select(normal, special, magnitude >= 0x7c00u), f32(magnitude) * 5.960464477539063e-8, magnitude < 0x0400u);
  return bitcast<f32>(bitcast<u32>(v) | ((h & 0x8000u) << 16u));
}


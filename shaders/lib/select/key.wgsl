// Order-preserving keys: smaller is nearer, equal keys are equal distances. Negative zero counts as zero.

fn ascending_key(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let b = select(bits, 0u, bits == 0x80000000u);
  return select(b | 0x80000000u, ~b, (b & 0x80000000u) != 0u);
}

fn descending_key(v: f32) -> u32 {
  return ~ascending_key(v);
}

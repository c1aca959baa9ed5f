// Order-preserving keys: smaller is nearer, equal keys are equal distances. Negative zero counts as zero.

fn ascending_key(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let b = select(bits, 0u, bits == 0x80000000u);
  return select(b | 0x80000000u, ~b, (b & 0x80000000u) != 0u);
}

fn descending_key(v: f32) -> u32 {
  return ~ascending_key(v);
}

// The number that an ascending key is of; that of a descending key is of its complement.
fn number_of_key(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

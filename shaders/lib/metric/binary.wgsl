// Metrics on bits, in integers: pair_key(both, query, row, d) from the popcounts of q & x, q and x. The quotients become
// the whole part of 2^32 numerator / denominator, which for at most 32760 bits (denominators below 2^16) tells apart all different fractions and
// maps equal ones (1/3, 3/9) to the same key. `family` names the metric.

// floor(2^32 n / m) for n < m < 2^16, in two steps of sixteen bits; n = m gives the largest key that is a hit.
fn fraction(n: u32, m: u32) -> u32 {
  if (n >= m) { return select(0xfffffffeu, 0u, n == 0u); }
  let high = (n << 16u) / m;
  let rest = (n << 16u) - high * m;
  return (high << 16u) | ((rest << 16u) / m);
}

//% if family == "hamming"
fn pair_key(both: u32, q: u32, x: u32, d: u32) -> u32 { return q + x - 2u * both; }
//% elif family == "bitjaccard"
fn pair_key(both: u32, q: u32, x: u32, d: u32) -> u32 {
  let any = q + x - both;
  return fraction(any - both, any);
}
//% elif family == "dice"
fn pair_key(both: u32, q: u32, x: u32, d: u32) -> u32 { return fraction(q + x - 2u * both, q + x); }
//% elif family == "russelrao"
fn pair_key(both: u32, q: u32, x: u32, d: u32) -> u32 {
  return select(fraction(d - both, d), 0u, q + x == 0u);
}
//% endif

// Scores of bits for stage A: whole numbers from 0 to 2^24, larger where a row is nearer, and equal where the keys of binary.wgsl are
// equal; of quotients of more than 4096 bits equal for some that are not, but never the other way round. `family` is what is counted:
// "hamming" the bits that differ; "russelrao" those that both have; "bitjaccard" those that both have, as a share of those that either
// has. The order of dice is that of bitjaccard: n / (n + 2b) grows where n / (n + b) does, n the bits that differ and b those that both
// have.
//   bit_score(c, q, x, d)    c the count, q and x the bits of either side (of hamming 0), d the dimension
//   share(n, m)              floor(2^24 n / m) for n <= m, 0 < m < 2^15

fn share(n: u32, m: u32) -> u32 {
  let high = (n << 16u) / m;
  let rest = (n << 16u) - high * m;
  return (high << 8u) | ((rest << 8u) / m);
}

fn bit_score(c: u32, q: u32, x: u32, d: u32) -> u32 {
//% if family == "hamming"
  return d - c;
//% elif family == "russelrao"
  return select(c, d, q + x == 0u);
//% else
  let any = q + x - c;
  return select(share(c, max(any, 1u)), 16777216u, any == 0u);
//% endif
}

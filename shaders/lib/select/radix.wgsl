// One digit of a radix selection by one workgroup: after the workgroup has counted candidates by a digit of eight bits in
// `histogram`, digit_of() finds the digit that holds the candidate of rank `need` (from 1), smallest digit first.
// Included with `threads` (at least 16).

var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> sixteenths: array<u32, 16>;
// digit, candidates with a smaller digit, candidates with this digit
var<workgroup> found: vec3<u32>;

fn clear_histogram(t: u32) {
  for (var i = t; i < 256u; i += {{ threads }}u) { atomicStore(&histogram[i], 0u); }
  workgroupBarrier();
}

fn digit_of(t: u32, need: u32) -> vec3<u32> {
  workgroupBarrier();
  if (t < 16u) {
    var sum = 0u;
    for (var i = 0u; i < 16u; i++) { sum += atomicLoad(&histogram[t * 16u + i]); }
    sixteenths[t] = sum;
  }
  workgroupBarrier();
  if (t == 0u) {
    var below = 0u;
    var s = 0u;
    while (s < 15u && below + sixteenths[s] < need) { below += sixteenths[s]; s++; }
    var digit = s * 16u;
    let end = digit + 15u;
    while (digit < end && below + atomicLoad(&histogram[digit]) < need) { below += atomicLoad(&histogram[digit]); digit++; }
    found = vec3<u32>(digit, below, atomicLoad(&histogram[digit]));
  }
  return workgroupUniformLoad(&found);
}

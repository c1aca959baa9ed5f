// Exclusive prefix sums of one value of each thread of a workgroup, modulo 2^32: sum_below() has what the threads before this one
// have, and what all have. All of the 256 threads call it together; no two of them have to run in step.

// a word is left out after each 16, so that 16 threads that go through 16 words each find them in different banks
var<workgroup> below_of: array<u32, 272>;
var<workgroup> sixteen_sums: array<u32, 16>;

fn sum_below(t: u32, value: u32) -> vec2<u32> {
  // the call before may still be read
  workgroupBarrier();
  below_of[t + t / 16u] = value;
  workgroupBarrier();
  if (t < 16u) {
    var sum = 0u;
//% for i in range(16)
    let v{{ i }} = below_of[t * 17u + {{ i }}u];
    below_of[t * 17u + {{ i }}u] = sum;
    sum += v{{ i }};
//% endfor
    sixteen_sums[t] = sum;
  }
  workgroupBarrier();
  var below = below_of[t + t / 16u];
  var all = 0u;
//% for i in range(16)
  let s{{ i }} = sixteen_sums[{{ i }}];
  below += select(0u, s{{ i }}, {{ i }}u < t / 16u);
  all += s{{ i }};
//% endfor
  return vec2<u32>(below, all);
}

// Of the rows that a search met those that pass its filter stay, in their order.
// Bindings: chosen (nq x p.ef rows, best first, NO_KEY behind the last), passing (n / 32 words, a bit of each row that passes), kept (nq x p.ef, out,
//   NO_KEY behind the last), counts (nq, out).
// Threads: a workgroup of 64 has one query.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> passing: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> kept: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

struct Params {
  ef: u32,
}
var<immediate> p: Params;

var<workgroup> here: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let base = wg.x * p.ef;
  var count = 0u;
  for (var first = 0u; first < p.ef; first += 64u) {
    var row = NO_KEY;
    if (first + t < p.ef) { row = chosen[base + first + t]; }
    var stays = row != NO_KEY;
    if (stays) { stays = (passing[row / 32u] >> (row % 32u) & 1u) != 0u; }
    here[t] = u32(stays);
    workgroupBarrier();
    var place = count;
    for (var i = 0u; i < 64u; i++) {
      if (i == t && stays) { kept[base + place] = row; }
      place += here[i];
    }
    count = place;
    workgroupBarrier();
  }
  for (var i = count + t; i < p.ef; i += 64u) { kept[base + i] = NO_KEY; }
  if (t == 0u) { counts[wg.x] = count; }
}

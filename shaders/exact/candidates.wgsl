// What a first stage found, as rows of a second, which compares them next.
// Bindings: found_keys (nq x k, all ones behind the last), found (nq x k rows of the first stage), chosen (nq x room rows of the second, out,
//   NO_KEY behind the last), counts (nq, out, NO_KEY where a row has none in the second){{ ", excluded (nq rows of the second, NO_KEY for none)" if excluded else "" }}{{ ", row_of (rows)" if table else "" }}.
// Threads: a workgroup of 64 has one query.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> found_keys: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> found: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;
//% if excluded
@group(0) @binding({{ slot() }}) var<storage, read> excluded: array<u32>;
//% endif
//% if table
@group(0) @binding({{ slot() }}) var<storage, read> row_of: array<u32>;
//% endif

struct Params {
  k: u32,
  room: u32,
  // of the first stage, as far as the second knows them
  rows: u32,
}
var<immediate> p: Params;

var<workgroup> count: atomic<u32>;
var<workgroup> missing: atomic<u32>;
//% if excluded
var<workgroup> place: atomic<u32>;
//% endif

fn row(at: u32) -> u32 {
  let own = found[at];
  let known = own < p.rows;
//% if table
  return select(NO_KEY, row_of[select(0u, own, known)], known);
//% else
  return select(NO_KEY, own, known);
//% endif
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let first = query * p.k;
  if (t == 0u) {
    atomicStore(&count, 0u);
    atomicStore(&missing, 0u);
//% if excluded
    atomicStore(&place, p.k);
//% endif
  }
  workgroupBarrier();
//% if excluded
  // what stands behind it moves up; where it is not found, the last is one too many
  let own = excluded[query];
  for (var i = t; i < p.k; i += 64u) {
    if (own != NO_KEY && found_keys[first + i] != NO_KEY && row(first + i) == own) { atomicMin(&place, i); }
  }
  workgroupBarrier();
  let left_out = workgroupUniformLoad(&place);
//% else
  let left_out = p.k;
//% endif
  for (var i = t; i < p.room; i += 64u) {
    let at = i + select(0u, 1u, i >= left_out);
    var candidate = NO_KEY;
    if (at < p.k) {
      if (found_keys[first + at] != NO_KEY) {
        candidate = row(first + at);
        if (candidate == NO_KEY) { atomicStore(&missing, 1u); }
        atomicAdd(&count, 1u);
      }
    }
    chosen[query * p.room + i] = candidate;
  }
  workgroupBarrier();
  if (t == 0u) { counts[query] = select(atomicLoad(&count), NO_KEY, atomicLoad(&missing) != 0u); }
}

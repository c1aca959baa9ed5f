// Exclusive prefix sums of each row of `length` values, modulo 2^32: sums[i] = {{ "base[r] + " if base }}values[r length] + ... + values[i - 1] for i in
// row r. Of `end` sums only the first n values count: sums[n] is the sum of them all where one row has them.
// Bindings: values (n), {{ "base (rows), " if base }}sums (end, out).
// Threads: a workgroup of 256 has a row, and takes {{ tile }} values of it at a time, {{ tile // 256 }} neighbours a thread.
// Profile keys: none.

{% include "lib/math/prefix.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> values: array<u32>;
//% if base
@group(0) @binding({{ slot() }}) var<storage, read> base: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> sums: array<u32>;

struct Params {
  n: u32,
  end: u32,
  length: u32,
}
var<immediate> p: Params;

// values that lie one after the other are loaded by neighbouring threads and summed by one: they change hands here, a word
// left out after each 32, so that both ways find them in different banks
var<workgroup> tile: array<u32, {{ tile + tile // 32 }}>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = wg.x * p.length;
  let end = min(first + p.length, p.end);
  var sum = {{ "base[wg.x]" if base else "0u" }};
  for (var at = first; at < end; at += {{ tile }}u) {
//% for u in range(tile // 256)
    let i{{ u }} = at + {{ u * 256 }}u + t;
    let v{{ u }} = values[min(i{{ u }}, p.n - 1u)];
//% endfor
//% for u in range(tile // 256)
    tile[{{ u * 264 }}u + t + t / 32u] = select(0u, v{{ u }}, i{{ u }} < min(end, p.n));
//% endfor
    workgroupBarrier();
    let own = t * {{ tile // 256 }}u + t * {{ tile // 256 }}u / 32u;
    var of_thread = 0u;
//% for j in range(tile // 256)
    let w{{ j }} = of_thread;
    of_thread += tile[own + {{ j }}u];
//% endfor
    let below = sum_below(t, of_thread);
//% for j in range(tile // 256)
    tile[own + {{ j }}u] = sum + below.x + w{{ j }};
//% endfor
    sum += below.y;
    workgroupBarrier();
//% for u in range(tile // 256)
    if (i{{ u }} < end) { sums[i{{ u }}] = tile[{{ u * 264 }}u + t + t / 32u]; }
//% endfor
  }
}

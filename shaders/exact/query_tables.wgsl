// Of each query its products with all that a code of a product quantizer can stand for: q.y of every part and code, f32, zeros for parts that
// are no codes (the number of a list before them, what fills up the last words){{ ", and behind them its products with the centroids of the lists that it probes" if listed else "" }}.
// Bindings: queries (nq x q_stride4 vec4), tables (vec4: src/exact/tables.rs), products (nq x stride, out){{ ", pairs (nq x nprobe vec2: list, ...)" if listed else "" }}.
// Threads: of a query, one thread a part and code{{ ", then eight threads a list" if listed else "" }}, in workgroups of 256.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> tables: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> products: array<f32>;
//% if listed
@group(0) @binding({{ slot() }}) var<storage, read> pairs: array<vec2<u32>>;
var<workgroup> sums: array<f32, 256>;
//% endif

struct Params {
  q_stride4: u32,
  stride: u32,
  // parts before the first
  skipped: u32,
  // workgroups that have parts and codes, of a query
  groups: u32,
  // where the products with centroids begin, and how many there are
  centers: u32,
  nprobe: u32,
  nlist: u32,
  k4: u32,
}
var<immediate> p: Params;

// The product of one part of a query with what one code stands for.
fn product(q0: u32, part: u32, code: u32) -> f32 {
  let sizes = tables[0];
  let bits = u32(sizes.y);
  let elements = u32(sizes.z);
  if (part >= u32(tables[1].x) / elements) { return 0.0; }
  var sum = 0.0;
  if (sizes.x > 0.0) {
    for (var k = part * u32(sizes.x); k < (part + 1u) * u32(sizes.x); k++) {
      let q = queries[q0 + k];
      let y = tables[2u + (k << bits) + code];
      sum = fma(q.x, y.x, fma(q.y, y.y, fma(q.z, y.z, fma(q.w, y.w, sum))));
    }
  } else {
    for (var i = 0u; i < elements; i++) {
      let j = part * elements + i;
      let at = ((part << bits) + code) * elements + i;
      sum = fma(queries[q0 + j / 4u][j % 4u], tables[2u + at / 4u][at % 4u], sum);
    }
  }
  return sum;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let at = wg.y * p.stride;
  let q0 = wg.y * p.q_stride4;
  let bits = u32(tables[0].y);
  if (wg.x < p.groups) {
    let e = wg.x * 256u + t;
    // of those before the first the number is beyond all
    products[at + e] = product(q0, (e >> bits) - p.skipped, e & ((1u << bits) - 1u));
  }
//% if listed
  let probe = (max(wg.x, p.groups) - p.groups) * 32u;
  var sum = vec4<f32>(0.0);
  let list = pairs[wg.y * p.nprobe + min(probe + t / 8u, p.nprobe - 1u)].x;
  // where there are fewer lists at a finite distance
  if (wg.x >= p.groups && list < p.nlist) {
    for (var k = t % 8u; k < p.k4; k += 8u) {
      sum = fma(queries[q0 + k], tables[u32(tables[0].w) + list * p.k4 + k], sum);
    }
  }
  sums[t] = (sum.x + sum.y) + (sum.z + sum.w);
  workgroupBarrier();
  if (wg.x >= p.groups && t < 32u && probe + t < p.nprobe) {
    var all = sums[t * 8u];
//% for u in range(1, 8)
    all += sums[t * 8u + {{ u }}u];
//% endfor
    products[at + p.centers + probe + t] = all;
  }
//% endif
}

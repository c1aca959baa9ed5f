// Stage A of the binned scan on matrix units: s(q, x) = q'.x' / (their scales) + b, the largest of each bin of 64 rows.
// A workgroup of {{ sgm * sgn }} subgroups multiplies {{ bm }} queries by {{ bn }} rows in tiles of {{ edge }} x {{ edge }} x {{ edge }}, f16 in, f32 out;
// a subgroup has {{ sm * edge }} queries and one bin. Queries and rows are padded with zeros to whole tiles.
// Bindings: 0 rows (f16, padded n x k), 1 queries (f16, padded nq x k), 2 bias (padded n; scaled by both scales), 3 bin_best (nq x bin_stride, out).
// Threads: {{ threads }}: roles come from the subgroup's number, and the host makes one subgroup a role (matrix operations want
// control flow that naga can prove uniform, so none may sit out). A lane reads its part of a scratch tile: fragments are opaque.
// Profile keys: kernel.matrix sm sgm sgn bk pad bias.

enable f16;
enable wgpu_cooperative_matrix;

{% set E = edge %}{% set k4 = bk // 4 %}{% set ld = (bk + pad) // 4 %}{% set SN = 64 // E %}
{% set LA = bm * k4 // threads %}{% set LB = bn * k4 // threads %}
{% set unit = 4 if scalar else 1 %}
{% set lanes = sg // E if sg > E else 1 %}{% set each = E // sg if E > sg else 1 %}
{% include "common/params.wgsl" %}
@group(0) @binding(0) var<storage, read> rows: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> bin_best: array<f32>;

struct Params {
  nq: u32,
  n: u32,
  k: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  first_tile: u32,
  inverse: f32,
}
var<immediate> p: Params;

//% if scalar
var<workgroup> sa: array<f16, {{ bm * ld * 4 }}>;
var<workgroup> sb: array<f16, {{ bn * ld * 4 }}>;
//% else
var<workgroup> sa: array<vec4<f16>, {{ bm * ld }}>;
var<workgroup> sb: array<vec4<f16>, {{ bn * ld }}>;
//% endif
var<workgroup> scratch: array<f32, {{ sgm * sgn * E * E }}>;

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let row_tile = p.first_tile + wg.y + wg.z * p.tiles_y;
  let x0 = row_tile * {{ bn }}u;
  let q0 = wg.x * {{ bm }}u;
  if (x0 >= p.n) { return; }
  let role = min(subgroup, {{ sgm * sgn - 1 }}u);
  let sy = role / {{ sgn }}u;
  let sx = role % {{ sgn }}u;
  let stride = p.k / 4u;
  let lk = t % {{ k4 }}u;
  let lr = t / {{ k4 }}u;
//% for i in range(sm)
//% for j in range(SN)
//% if epilogue_bias
  var c{{ i }}_{{ j }} = coop_mat{{ E }}x{{ E }}<f32, C>();
//% else
  // stride 0: every row of the accumulator is the same {{ E }} biases
  var c{{ i }}_{{ j }} = coopLoadT<coop_mat{{ E }}x{{ E }}<f32, C>>(&bias[x0 + sx * 64u + {{ j * E }}u], 0u);
//% endif
//% endfor
//% endfor
//% for u in range(LA)
  var ra{{ u }} = queries[(q0 + lr + {{ u * threads // k4 }}u) * stride + lk];
//% endfor
//% for u in range(LB)
  var rb{{ u }} = rows[(x0 + lr + {{ u * threads // k4 }}u) * stride + lk];
//% endfor
  for (var k0 = 0u; k0 < p.k; k0 += {{ bk }}u) {
//% for u in range(LA)
//% if scalar
    { let at = ((lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk) * 4u; sa[at] = ra{{ u }}.x; sa[at + 1u] = ra{{ u }}.y; sa[at + 2u] = ra{{ u }}.z; sa[at + 3u] = ra{{ u }}.w; }
//% else
    sa[(lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk] = ra{{ u }};
//% endif
//% endfor
//% for u in range(LB)
//% if scalar
    { let at = ((lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk) * 4u; sb[at] = rb{{ u }}.x; sb[at + 1u] = rb{{ u }}.y; sb[at + 2u] = rb{{ u }}.z; sb[at + 3u] = rb{{ u }}.w; }
//% else
    sb[(lr + {{ u * threads // k4 }}u) * {{ ld }}u + lk] = rb{{ u }};
//% endif
//% endfor
    workgroupBarrier();
    // the next slab waits in registers while this one is multiplied
    let next = k0 + {{ bk }}u;
    if (next < p.k) {
//% for u in range(LA)
      ra{{ u }} = queries[(q0 + lr + {{ u * threads // k4 }}u) * stride + next / 4u + lk];
//% endfor
//% for u in range(LB)
      rb{{ u }} = rows[(x0 + lr + {{ u * threads // k4 }}u) * stride + next / 4u + lk];
//% endfor
    }
    {
      for (var kk = 0u; kk < {{ k4 * unit }}u; kk += {{ E // 4 * unit }}u) {
//% for i in range(sm)
        let a{{ i }} = coopLoadT<coop_mat{{ E }}x{{ E }}<f16, A>>(&sa[(sy * {{ sm * E }}u + {{ i * E }}u) * {{ ld * unit }}u + kk], {{ ld * unit }}u);
//% endfor
//% for j in range(SN)
        let b{{ j }} = coopLoad<coop_mat{{ E }}x{{ E }}<f16, B>>(&sb[(sx * 64u + {{ j * E }}u) * {{ ld * unit }}u + kk], {{ ld * unit }}u);
//% endfor
//% for i in range(sm)
//% for j in range(SN)
        c{{ i }}_{{ j }} = coopMultiplyAdd(a{{ i }}, b{{ j }}, c{{ i }}_{{ j }});
//% endfor
//% endfor
      }
    }
    workgroupBarrier();
  }
  let own = role * {{ E * E }}u;
  let bin = row_tile * {{ sgn }}u + sx;
//% for i in range(sm)
  {
//% for e in range(each)
    var m{{ e }} = SENTINEL;
//% endfor
//% for j in range(SN)
    coopStoreT(c{{ i }}_{{ j }}, &scratch[own], {{ E }}u);
    workgroupBarrier();
//% for e in range(each)
    {
      let row = lane / {{ lanes }}u + {{ e * sg }}u;
      let at = own + row * {{ E }}u + lane % {{ lanes }}u * {{ E // lanes }}u;
//% for u in range(E // lanes)
//% if epilogue_bias
      m{{ e }} = max(m{{ e }}, scratch[at + {{ u }}u] + bias[x0 + sx * 64u + {{ j * E + u }}u + lane % {{ lanes }}u * {{ E // lanes }}u]);
//% else
      m{{ e }} = max(m{{ e }}, scratch[at + {{ u }}u]);
//% endif
//% endfor
    }
//% endfor
    workgroupBarrier();
//% endfor
//% for e in range(each)
//% if lanes >= 2
    m{{ e }} = max(m{{ e }}, subgroupShuffleXor(m{{ e }}, 1u));
//% endif
//% if lanes >= 4
    m{{ e }} = max(m{{ e }}, subgroupShuffleXor(m{{ e }}, 2u));
//% endif
//% if lanes >= 8
    m{{ e }} = max(m{{ e }}, subgroupShuffleXor(m{{ e }}, 4u));
//% endif
    {
      let q = q0 + sy * {{ sm * E }}u + {{ i * E }}u + lane / {{ lanes }}u + {{ e * sg }}u;
      if (lane % {{ lanes }}u == 0u && q < p.nq && bin * BIN < p.n) {
        // a sentinel stays one whatever the scale
        let best = max(m{{ e }} * p.inverse, SENTINEL);
        bin_best[q * p.bin_stride + p.first_bin + bin] = select(best, SENTINEL, m{{ e }} < NO_SCORE);
      }
    }
//% endfor
  }
//% endfor
}

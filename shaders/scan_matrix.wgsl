// Stage A of the binned scan on matrix units: s(q, x) = q'.x' / (their scales) + b, the largest of each bin of {{ bin }} rows.
// A workgroup of {{ sgm * sgn }} subgroups multiplies {{ bm }} queries by `tiles` times {{ bn }} rows in tiles of {{ edge }} x {{ edge }} x {{ edge }}, f16 in, f32 out;
// a subgroup has {{ sm * edge }} queries and 64 rows. Queries and rows are padded with zeros to whole tiles.
// Bindings: 0 rows (f16, padded n x k), 1 queries (f16, padded nq x k), 2 bias (padded n; scaled by both scales), 3 bin_best (nq x bin_stride, out){{ ", 4 bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ threads }}: roles come from the subgroup's number, and the host makes one subgroup a role (matrix operations want
// control flow that naga can prove uniform, so none may sit out). Fragments are opaque: each passes through a scratch tile of
// its subgroup, which the lanes read in the order of its addresses, so that no two meet in a bank; that is why a tile's
// row lies in {{ edge // (1 if scalar else 4) }} lanes. Larger scratch costs more than it saves: it takes a resident workgroup away.
// Profile keys: kernel.matrix sm sgm sgn bk pad bias tiles.

enable f16;
enable wgpu_cooperative_matrix;

{% set E = edge %}{% set k4 = bk // 4 %}{% set ld = (bk + pad) // 4 %}{% set SN = 64 // E %}
{% set LA = bm * k4 // threads %}{% set LB = bn * k4 // threads %}
{% set unit = 4 if scalar else 1 %}
{% set SCRATCH = E * E * unit // 4 %}{% set items = SCRATCH // sg if sg < SCRATCH else 1 %}
{% set L = E * unit // 4 %}{% set lanes = sg if sg < L else L %}{% set each = items * lanes // L %}{% set sub = 64 // bin %}
{% include "common/params.wgsl" %}
@group(0) @binding(0) var<storage, read> rows: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> queries: array<vec4<f16>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> bin_best: array<f32>;
//% if bitmap
@group(0) @binding(4) var<storage, read> bitmap: array<u32>;
//% endif

struct Params {
  nq: u32,
  n: u32,
  k: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  first_tile: u32,
  inverse: f32,
  tiles: u32,
  words: u32,
}
var<immediate> p: Params;

//% if scalar
var<workgroup> sa: array<f16, {{ bm * ld * 4 }}>;
var<workgroup> sb: array<f16, {{ bn * ld * 4 }}>;
//% else
var<workgroup> sa: array<vec4<f16>, {{ bm * ld }}>;
var<workgroup> sb: array<vec4<f16>, {{ bn * ld }}>;
//% endif
//% if scalar
var<workgroup> scratch: array<f32, {{ sgm * sgn * SCRATCH }}>;
//% else
var<workgroup> scratch: array<vec4<f32>, {{ sgm * sgn * SCRATCH }}>;
//% endif

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let first = (p.first_tile + (wg.y + wg.z * p.tiles_y) * p.tiles) * {{ bn }}u;
  let q0 = wg.x * {{ bm }}u;
  if (first >= p.n) { return; }
  let role = min(subgroup, {{ sgm * sgn - 1 }}u);
  let sy = role / {{ sgn }}u;
  let sx = role % {{ sgn }}u;
  let stride = p.k / 4u;
  let lk = t % {{ k4 }}u;
  let lr = t / {{ k4 }}u;
//% for u in range(LA)
  var ra{{ u }} = queries[(q0 + lr + {{ u * threads // k4 }}u) * stride + lk];
//% endfor
//% for u in range(LB)
  var rb{{ u }} = rows[(first + lr + {{ u * threads // k4 }}u) * stride + lk];
//% endfor
  let last = (p.n - 1u) / {{ bn }}u * {{ bn }}u;
  let own = role * {{ SCRATCH }}u;
  for (var tile = 0u; tile < p.tiles; tile++) {
    let start = first + tile * {{ bn }}u;
    let x0 = min(start, last);
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
      // the next slab, of this tile or of the next, waits in registers while this one is multiplied
      let ahead = k0 + {{ bk }}u;
      let next = select(0u, ahead, ahead < p.k);
      let xn = select(min(x0 + {{ bn }}u, last), x0, ahead < p.k);
//% for u in range(LA)
      ra{{ u }} = queries[(q0 + lr + {{ u * threads // k4 }}u) * stride + next / 4u + lk];
//% endfor
//% for u in range(LB)
      rb{{ u }} = rows[(xn + lr + {{ u * threads // k4 }}u) * stride + next / 4u + lk];
//% endfor
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
    let group = x0 / 64u + sx;
//% for i in range(sm)
    {
//% for r in range(each)
      let y{{ r }} = q0 + sy * {{ sm * E }}u + {{ i * E }}u + lane / {{ L }}u + {{ r * (sg // L) if sg >= L else r }}u;
//% for s in range(sub)
      var m{{ r }}_{{ s }} = SENTINEL;
//% endfor
//% if bitmap
      // the bits of 64 rows at once; behind the end the bias leaves them out
      let at{{ r }} = min(y{{ r }}, p.nq - 1u) * p.words;
      let word{{ r }} = (p.first_bin + group) * 2u;
      let live{{ r }} = vec2<u32>(bitmap[at{{ r }} + min(word{{ r }}, p.words - 1u)], bitmap[at{{ r }} + min(word{{ r }} + 1u, p.words - 1u)]);
//% endif
//% endfor
//% for j in range(SN)
      coopStoreT(c{{ i }}_{{ j }}, &scratch[own], {{ L }}u);
      workgroupBarrier();
//% for u in range(items)
      {
//% set r = u * lanes // L
//% set s = j * E // bin
        let v = scratch[own + lane + {{ u * sg }}u];
//% if epilogue_bias or bitmap
        let column = (lane + {{ u * sg }}u) % {{ L }}u * {{ 4 // unit }}u;
//% endif
//% if bitmap
        let live = live{{ r }}.{{ ["x", "y"][j * E // 32] }} >> ({{ j * E % 32 }}u + column);
//% endif
//% for e in range(4 // unit)
        {
          var score = v{{ "" if scalar else "." ~ ["x", "y", "z", "w"][e] }};
//% if epilogue_bias
          score += bias[x0 + sx * 64u + column + {{ j * E + e }}u];
//% endif
//% if bitmap
          score = select(SENTINEL, score, (live >> {{ e }}u & 1u) != 0u);
//% endif
          m{{ r }}_{{ s }} = max(m{{ r }}_{{ s }}, score);
        }
//% endfor
      }
//% endfor
      workgroupBarrier();
//% endfor
//% for r in range(each)
//% for s in range(sub)
//% for x in [1, 2, 4]
//% if lanes > x
      m{{ r }}_{{ s }} = max(m{{ r }}_{{ s }}, subgroupShuffleXor(m{{ r }}_{{ s }}, {{ x }}u));
//% endif
//% endfor
      // behind the end a tile is computed twice, and written once
      if (lane % {{ lanes }}u == {{ s % lanes }}u && y{{ r }} < p.nq && start < p.n && group * 64u + {{ s * bin }}u < p.n) {
        // a sentinel stays one whatever the scale
        let best = max(m{{ r }}_{{ s }} * p.inverse, SENTINEL);
        bin_best[y{{ r }} * p.bin_stride + (p.first_bin + group) * {{ sub }}u + {{ s }}u] = select(best, SENTINEL, m{{ r }}_{{ s }} < NO_SCORE);
      }
//% endfor
//% endfor
    }
//% endfor
  }
}

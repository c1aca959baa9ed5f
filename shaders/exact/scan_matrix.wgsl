// Stage A of the binned scan on matrix units: s(q, x) = q'.x' / (their scales) + b, the largest of each bin of {{ bin }} rows.
// A workgroup multiplies {{ bm }} queries by `tiles` times {{ bn }} rows, {{ input }} in, f32 out (lib/tile/matrix/multiply.wgsl).
// Bindings: rows ({{ "the f16 copy, zeros up to whole tiles of n x k" if source == "f16copy" else source ~ ", n x stride4 groups of four" }}), queries ({{ "f16, zeros up to whole tiles of nq x k" if input == "f16" else "f32, nq x q_stride4 groups of four" }}),
//   bias (up to whole tiles of n; scaled by both scales), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ threads }}.
// Profile keys: kernel.matrix sm sgm sgn bk pad bias tiles input.

//% if input == "f16"
enable f16;
//% endif
enable wgpu_cooperative_matrix;

{% set padded = source == "f16copy" %}
// the scale of a row comes between its products and its bias
{% set late = epilogue_bias or scaled %}
{% import "lib/tile/matrix/multiply.wgsl" as tile %}
{% set E = edge %}{% set sub = 64 // bin %}
{% include "lib/constants.wgsl" %}
{% set side = "rows" %}
{% include "lib/load/operand.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<rows_Group>;
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<{{ input }}>>;
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_best: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif

struct Params {
  nq: u32,
  n: u32,
  k: u32,
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  first_tile: u32,
  inverse: f32,
  tiles: u32,
  words: u32,
}
var<immediate> p: Params;

{{ tile.memory() }}

{% macro load(k, x) %}
//% for u in range(tile.loads_a)
//% if input == "f16"
      ra{{ u }} = queries[(q0 + lr + {{ u * threads // tile.k4 }}u) * p.q_stride4 + {{ k }} + lk];
//% else
      // only one side has to be zero behind the last element
      ra{{ u }} = select(vec4<f32>(0.0), queries[min(q0 + lr + {{ u * threads // tile.k4 }}u, p.nq - 1u) * p.q_stride4 + min({{ k }} + lk, p.k4 - 1u)], {{ k }} + lk < p.k4);
//% endif
//% endfor
//% for u in range(tile.loads_b)
//% if padded
      rb{{ u }} = rows[({{ x }} + lr + {{ u * threads // tile.k4 }}u) * p.stride4 + {{ k }} + lk];
//% else
      rb{{ u }} = rows[min({{ x }} + lr + {{ u * threads // tile.k4 }}u, p.n - 1u) * p.stride4 + min({{ k }} + lk, p.k4 - 1u)];
//% endif
//% endfor
{% endmacro %}

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32,
        @builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, @builtin(num_subgroups) subgroups: u32) {
  let first = (p.first_tile + (wg.y + wg.z * p.tiles_y) * p.tiles) * {{ bn }}u;
  let q0 = wg.x * {{ bm }}u;
  if (first >= p.n) { return; }
{{ tile.count() }}
  if (counted != {{ sgm * sgn }}.0) {
    // the driver gave this pipeline other subgroups than those it was made for: no bin may be left out
    let bins = {{ bn // bin }}u * p.tiles;
    for (var e = t; e < {{ bm }}u * bins; e += {{ threads }}u) {
      let y = q0 + e / bins;
      let bin = first / {{ bin }}u + e % bins;
      if (y < p.nq && bin * {{ bin }}u < p.n) { bin_best[y * p.bin_stride + p.first_bin * {{ sub }}u + bin] = -SENTINEL; }
    }
    return;
  }
{{ tile.roles() }}
//% for u in range(tile.loads_a)
  var ra{{ u }}: vec4<{{ input }}>;
//% endfor
//% for u in range(tile.loads_b)
  var rb{{ u }}: rows_Group;
//% endfor
{{ load("0u", "first") }}
  let last = (p.n - 1u) / {{ bn }}u * {{ bn }}u;
  for (var tile = 0u; tile < p.tiles; tile++) {
    let start = first + tile * {{ bn }}u;
    let x0 = min(start, last);
//% for i in range(sm)
//% for j in range(tile.columns)
//% if late
    var c{{ i }}_{{ j }} = coop_mat{{ E }}x{{ E }}<f32, C>();
//% else
    // stride 0: every row of the accumulator is the same {{ E }} biases
    var c{{ i }}_{{ j }} = coopLoadT<coop_mat{{ E }}x{{ E }}<f32, C>>(&bias[x0 + sx * 64u + {{ j * E }}u], 0u);
//% endif
//% endfor
//% endfor
    for (var k0 = 0u; k0 < p.k; k0 += {{ bk }}u) {
//% for u in range(tile.loads_a)
{{ tile.put("sa", u, "ra%d"|format(u)) }}
//% endfor
//% for u in range(tile.loads_b)
{{ tile.put("sb", u, "rows_staged(rb%d)"|format(u)) }}
//% endfor
      workgroupBarrier();
      // the next slab, of this tile or of the next, waits in registers while this one is multiplied
      let ahead = k0 + {{ bk }}u;
      let next = select(0u, ahead, ahead < p.k) / 4u;
      let xn = select(min(x0 + {{ bn }}u, last), x0, ahead < p.k);
{{ load("next", "xn") }}
{{ tile.multiply() }}
      workgroupBarrier();
    }
    let group = x0 / 64u + sx;
//% for i in range(sm)
    {
//% for r in range(tile.each)
      let y{{ r }} = q0 + sy * {{ sm * E }}u + {{ i * E }}u + lane / {{ tile.row }}u + {{ r * (sg // tile.row) if sg >= tile.row else r }}u;
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
//% for j in range(tile.columns)
{{ tile.spill(i, j) }}
//% for u in range(tile.items)
      {
//% set r = u * tile.lanes // tile.row
//% set s = j * E // bin
        let v = scratch[own + lane + {{ u * sg }}u];
//% if late or bitmap
        let column = (lane + {{ u * sg }}u) % {{ tile.row }}u * {{ 4 // tile.unit }}u;
//% endif
//% if late
        let x = x0 + sx * 64u + {{ j * E }}u + column;
//% endif
//% if bitmap
        let live = live{{ r }}.{{ ["x", "y"][j * E // 32] }} >> ({{ j * E % 32 }}u + column);
//% endif
//% for e in range(4 // tile.unit)
        {
          var score = v{{ "" if scalar else "." ~ ["x", "y", "z", "w"][e] }};
//% if scaled
          score = fma(score, scale[min(x + {{ e }}u, p.n - 1u)], bias[x + {{ e }}u]);
//% elif late
          score += bias[x + {{ e }}u];
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
//% for r in range(tile.each)
//% for s in range(sub)
//% for x in [1, 2, 4]
//% if tile.lanes > x
      m{{ r }}_{{ s }} = max(m{{ r }}_{{ s }}, subgroupShuffleXor(m{{ r }}_{{ s }}, {{ x }}u));
//% endif
//% endfor
      // behind the end a tile is computed twice, and written once
      if (lane % {{ tile.lanes }}u == {{ s % tile.lanes }}u && y{{ r }} < p.nq && start < p.n && group * 64u + {{ s * bin }}u < p.n) {
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

// Stage A of the binned scan for many queries: s(q, x) = q.x * scale + bias, and of it the largest of each bin of 64 rows.
// A workgroup multiplies {{ bm }} queries by {{ bn }} rows in f32 (lib/tile/register/multiply.wgsl).
// Bindings: rows (n x stride4 groups of four), queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", scale (n)" if scaled else "" }}{{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn.

{% import "lib/tile/register/multiply.wgsl" as regs %}
{% set TX = regs.TX %}{% set TY = regs.TY %}{% set threads = regs.threads %}{% set NB = bn // 64 %}{% set PER = tn // NB %}
{% set reduce = NB * (tm // 4) * threads %}
{% include "lib/constants.wgsl" %}
{% include "lib/load/rows.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
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
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  first_bin: u32,
  bin_stride: u32,
  tiles_y: u32,
  words: u32,
  first_tile: u32,
  inverse: f32,
}
var<immediate> p: Params;

// The query tile, then the row tile, then (main loop done) the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ regs.slabs if regs.slabs > reduce else reduce }}>;

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row_tile = p.first_tile + wg.y + wg.z * p.tiles_y;
  let q0 = wg.x * {{ bm }}u;
  let x0 = row_tile * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ regs.roles() }}
//% for u in range(regs.loads_a)
  let pa{{ u }} = min(q0 + (t + {{ u * threads }}u) / {{ regs.k4 }}u, p.nq - 1u) * p.q_stride4;
//% endfor
//% for u in range(regs.loads_b)
  let pb{{ u }} = min(x0 + (t + {{ u * threads }}u) / {{ regs.k4 }}u, p.n - 1u) * p.stride4;
//% endfor
{{ regs.zeros() }}
  let none = vec4<f32>(0.0);
  // the slab after the one in use waits in registers: its loads overlap the arithmetic
//% for u in range(regs.loads_a)
  var ra{{ u }} = select(none, queries[pa{{ u }} + min(lk, p.k4 - 1u)], lk < p.k4);
//% endfor
//% for u in range(regs.loads_b)
  var rb{{ u }} = select(none, row4(pb{{ u }} + min(lk, p.k4 - 1u)), lk < p.k4);
//% endfor
  for (var k0 = 0u; k0 < p.k4; k0 += {{ regs.k4 }}u) {
{{ regs.stage() }}
    let next = k0 + {{ regs.k4 }}u + lk;
    if (k0 + {{ regs.k4 }}u < p.k4) {
      let at = min(next, p.k4 - 1u);
//% for u in range(regs.loads_a)
      ra{{ u }} = select(none, queries[pa{{ u }} + at], next < p.k4);
//% endfor
//% for u in range(regs.loads_b)
      rb{{ u }} = select(none, row4(pb{{ u }} + at), next < p.k4);
//% endfor
    }
{{ regs.multiply() }}
  }
//% for j in range(tn)
  let col{{ j }} = x0 + tx + {{ j * TX }}u;
  let bias{{ j }} = select(SENTINEL, bias[min(col{{ j }}, p.n - 1u)], col{{ j }} < p.n);
//% if scaled
  let scale{{ j }} = scale[min(col{{ j }}, p.n - 1u)];
//% endif
//% if bitmap
  let word{{ j }} = p.first_bin * 2u + col{{ j }} / 32u;
//% endif
//% endfor
//% for b in range(NB)
//% for i in range(tm)
//% if bitmap
  let r{{ b }}_{{ i }} = min(q0 + ty + {{ i * TY }}u, p.nq - 1u) * p.words;
//% endif
  var m{{ b }}_{{ i }} = SENTINEL;
//% for j in range(b * PER, (b + 1) * PER)
//% if bitmap
  if ((bitmap[r{{ b }}_{{ i }} + min(word{{ j }}, p.words - 1u)] >> (col{{ j }} % 32u) & 1u) != 0u)
//% endif
  { m{{ b }}_{{ i }} = max(m{{ b }}_{{ i }}, {{ "fma(c%d_%d, scale%d, bias%d)"|format(i, j, j, j) if scaled else "fma(c%d_%d, p.inverse, bias%d)"|format(i, j, j) }}); }
//% endfor
//% endfor
//% for i4 in range(tm // 4)
  tile[{{ (b * (tm // 4) + i4) * threads }}u + t] = vec4<f32>(m{{ b }}_{{ 4 * i4 }}, m{{ b }}_{{ 4 * i4 + 1 }}, m{{ b }}_{{ 4 * i4 + 2 }}, m{{ b }}_{{ 4 * i4 + 3 }});
//% endfor
//% endfor
  workgroupBarrier();
  for (var e = t; e < {{ bm * NB }}u; e += {{ threads }}u) {
    let b = e % {{ NB }}u;
    let m = e / {{ NB }}u;
    let i = m / {{ TY }}u;
    let at = ((b * {{ tm // 4 }}u + i / 4u) * {{ TY }}u + m % {{ TY }}u) * {{ TX }}u;
    let component = i % 4u;
    var best = tile[at][component];
//% for u in range(1, TX)
    best = max(best, tile[at + {{ u }}u][component]);
//% endfor
    let bin = row_tile * {{ NB }}u + b;
    if (q0 + m < p.nq && bin * BIN < p.n) {
      bin_best[(q0 + m) * p.bin_stride + p.first_bin + bin] = best;
    }
  }
}

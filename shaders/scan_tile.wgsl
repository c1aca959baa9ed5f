// Stage A of the binned scan for many queries: s(q, x) = q.x * scale + bias, and of it the largest of each bin of 64 rows.
// One workgroup multiplies a tile of {{ bm }} queries by {{ bn }} rows in f32 registers, {{ tm }} x {{ tn }} a thread.
// Bindings: 0 rows (n x stride4 groups of four), 1 queries (nq x q_stride4 vec4), 2 bias (n), 3 bin_best (nq x bin_stride, out){{ ", 4 scale (n)" if scaled else "" }}{{ ", 5 bitmap (nq x words)" if bitmap else "" }}.
// Threads: thread (tx, ty) = (t % TX, t / TX) has queries ty + i TY and rows tx + j TX, so that neighbours in a
// quarter of a subgroup read workgroup memory at odd strides of 16 bytes, without bank conflicts.
// Profile keys: kernel.scan bm bn bk tm tn.

{% set TX = bn // tn %}{% set TY = bm // tm %}{% set threads = TX * TY %}{% set K4 = bk // 4 %}{% set S = K4 + 1 %}
{% set LA = bm * K4 // threads %}{% set LB = bn * K4 // threads %}{% set NB = bn // 64 %}{% set PER = tn // NB %}
{% set stage = (bm + bn) * S %}{% set reduce = NB * (tm // 4) * threads %}
{% set rows_binding = 0 %}
{% include "common/params.wgsl" %}
{% include "common/rows.wgsl" %}
@group(0) @binding(1) var<storage, read> queries: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> bin_best: array<f32>;
//% if scaled
@group(0) @binding(4) var<storage, read> scale: array<f32>;
//% endif
//% if bitmap
@group(0) @binding({{ 5 if scaled else 4 }}) var<storage, read> bitmap: array<u32>;
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
}
var<immediate> p: Params;

// The query tile, then the row tile, then (main loop done) the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ stage if stage > reduce else reduce }}>;

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row_tile = p.first_tile + wg.y + wg.z * p.tiles_y;
  let q0 = wg.x * {{ bm }}u;
  let x0 = row_tile * {{ bn }}u;
  if (x0 >= p.n) { return; }
  let tx = t % {{ TX }}u;
  let ty = t / {{ TX }}u;
  let lk = t % {{ K4 }}u;
//% for u in range(LA)
  let pa{{ u }} = min(q0 + (t + {{ u * threads }}u) / {{ K4 }}u, p.nq - 1u) * p.q_stride4;
//% endfor
//% for u in range(LB)
  let pb{{ u }} = min(x0 + (t + {{ u * threads }}u) / {{ K4 }}u, p.n - 1u) * p.stride4;
//% endfor
//% for i in range(tm)
//% for j in range(tn)
  var c{{ i }}_{{ j }} = 0.0;
//% endfor
//% endfor
  let none = vec4<f32>(0.0);
  // the slab after the one in use waits in registers: its loads overlap the arithmetic
//% for u in range(LA)
  var ra{{ u }} = select(none, queries[pa{{ u }} + min(lk, p.k4 - 1u)], lk < p.k4);
//% endfor
//% for u in range(LB)
  var rb{{ u }} = select(none, row4(pb{{ u }} + min(lk, p.k4 - 1u)), lk < p.k4);
//% endfor
  for (var k0 = 0u; k0 < p.k4; k0 += {{ K4 }}u) {
//% for u in range(LA)
    tile[(t + {{ u * threads }}u) / {{ K4 }}u * {{ S }}u + lk] = ra{{ u }};
//% endfor
//% for u in range(LB)
    tile[{{ bm * S }}u + (t + {{ u * threads }}u) / {{ K4 }}u * {{ S }}u + lk] = rb{{ u }};
//% endfor
    workgroupBarrier();
    let next = k0 + {{ K4 }}u + lk;
    if (k0 + {{ K4 }}u < p.k4) {
      let at = min(next, p.k4 - 1u);
//% for u in range(LA)
      ra{{ u }} = select(none, queries[pa{{ u }} + at], next < p.k4);
//% endfor
//% for u in range(LB)
      rb{{ u }} = select(none, row4(pb{{ u }} + at), next < p.k4);
//% endfor
    }
//% for k in range(K4)
    {
//% for i in range(tm)
      let a{{ i }} = tile[(ty + {{ i * TY }}u) * {{ S }}u + {{ k }}u];
//% endfor
//% for j in range(tn)
      let b{{ j }} = tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + {{ k }}u];
//% for e in ["x", "y", "z", "w"]
//% for i in range(tm)
      c{{ i }}_{{ j }} = fma(a{{ i }}.{{ e }}, b{{ j }}.{{ e }}, c{{ i }}_{{ j }});
//% endfor
//% endfor
//% endfor
    }
//% endfor
    workgroupBarrier();
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
  { m{{ b }}_{{ i }} = max(m{{ b }}_{{ i }}, {{ "fma(c%d_%d, scale%d, bias%d)"|format(i, j, j, j) if scaled else "c%d_%d + bias%d"|format(i, j, j) }}); }
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

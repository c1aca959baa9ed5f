// Stage A of the binned scan for the metrics that are sums over elements but no products: for each query and each bin of 64 rows
// the largest score, which is the similarity or the negative distance. A workgroup compares {{ bm }} queries with {{ bn }} rows in f32
// (lib/tile/register), adding in an order of its own: src/exact/scan/direct.rs says how far that may lead from the distance that
// decides. Elements are 0 or at least 2^-100, at most 2^60, so that no difference of two is subnormal. `family` names the step.
// Bindings: rows (n x stride4 groups of four), queries (nq x q_stride4 vec4), bias (n), bin_best (nq x bin_stride, out){{ ", bitmap (nq x words)" if bitmap else "" }}.
// Threads: {{ bn // tn * (bm // tm) }}.
// Profile keys: kernel.scan bm bn bk tm tn.

{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/bin_best.wgsl" as bins %}
{% include "lib/constants.wgsl" %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
fn queries_load(y: u32, k: u32) -> vec4<f32> { return queries[y * p.q_stride4 + k]; }
@group(0) @binding({{ slot() }}) var<storage, read> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_best: array<f32>;
//% if bitmap
@group(0) @binding({{ slot() }}) var<storage, read> bitmap: array<u32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

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
  dim: u32,
}
var<immediate> p: Params;

// The query tile, then the row tile, then (main loop done) the maxima of each thread.
var<workgroup> tile: array<vec4<f32>, {{ bins.words }}>;

//% if family == "naneuclidean"
// What is missing becomes a number that is far from all others and from what is missing on the other side: differences of 2^90 and
// more are no differences. So nothing is computed of NaN, with which compilers under fast math may do as they like.
const MISSING: f32 = 1267650600228229401496703205376.0; // 2^100
const FAR: f32 = 1237940039285380274899124224.0; // 2^90
fn present(v: vec4<f32>, missing: f32) -> vec4<f32> {
  return select(v, vec4<f32>(missing), (bitcast<vec4<u32>>(v) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return present(g, MISSING); }
fn compared_load(x: u32, k: u32) -> rows_Group { return rows_load(x, k); }
fn compared_staged(g: rows_Group) -> vec4<f32> { return present(rows_staged(g), -MISSING); }
//% set right = "compared"
//% else
fn queries_staged(g: vec4<f32>) -> vec4<f32> { return g; }
//% set right = "rows"
//% endif

//% set sums = ["c", "d"] if family in ["braycurtis", "jaccard", "naneuclidean"] else ["c"]

{% macro step(i, j, e) %}
{% set a = "a%d.%s"|format(i, e) %}{% set b = "b%d.%s"|format(j, e) %}{% set c = "c%d_%d"|format(i, j) %}{% set d = "d%d_%d"|format(i, j) %}
//% if family == "l1"
      {{ c }} += abs({{ a }} - {{ b }});
//% elif family == "linf"
      {{ c }} = max({{ c }}, abs({{ a }} - {{ b }}));
//% elif family == "lp"
      { let z = abs({{ a }} - {{ b }}); {{ powered(c) }} }
//% elif family == "canberra"
//% if e in ["y", "w"]
      // two quotients at the cost of one division; where both elements are 0 the difference is, too
      {
        let z = abs(a{{ i }}.{{ "xy" if e == "y" else "zw" }} - b{{ j }}.{{ "xy" if e == "y" else "zw" }});
        let w = max(abs(a{{ i }}.{{ "xy" if e == "y" else "zw" }}) + abs(b{{ j }}.{{ "xy" if e == "y" else "zw" }}), vec2<f32>(TINY));
        {{ c }} += fma(z.x, w.y, z.y * w.x) / (w.x * w.y);
      }
//% endif
//% elif family == "braycurtis"
      {{ c }} += abs({{ a }} - {{ b }});
      {{ d }} += abs({{ a }} + {{ b }});
//% elif family == "jaccard"
      {{ c }} += min({{ a }}, {{ b }});
      {{ d }} += max({{ a }}, {{ b }});
//% elif family == "naneuclidean"
      {
        let z = {{ a }} - {{ b }};
        if (abs(z) < FAR) { {{ c }} = fma(z, z, {{ c }}); {{ d }} += 1.0; }
      }
//% endif
{% endmacro %}

// The whole power of z onto a sum, by products.
{% macro powered(c) %}
//% if power == 2
{{ c }} = fma(z, z, {{ c }});
//% else
let z2 = z * z;
//% if power == 3
{{ c }} = fma(z2, z, {{ c }});
//% elif power == 4
{{ c }} = fma(z2, z2, {{ c }});
//% elif power == 5
{{ c }} = fma(z2 * z2, z, {{ c }});
//% else
{{ c }} = fma(z2 * z2, z2, {{ c }});
//% endif
//% endif
{% endmacro %}
//% if family == "canberra"
// Below every sum of two magnitudes that are not both 0; two of it multiply to a normal number.
const TINY: f32 = 4.3368087e-19; // 2^-61
//% endif

// Nothing that is a hit scores less: what is farther is as far as that, and where the k nearest are, every bin passes.
const FARTHEST: f32 = -21267647932558653966460912964485513216.0; // -2^124

// The score of a pair from its sums.
{% macro value(c, d) %}
//% if family == "braycurtis"
select(max(-({{ c }} / max({{ d }}, 1.1754944e-38)), FARTHEST), SENTINEL, {{ d }} == 0.0 && {{ c }} > 0.0)
//% elif family == "jaccard"
select({{ c }} / {{ d }}, 1.0, {{ d }} == 0.0)
//% elif family == "naneuclidean"
select(SENTINEL, max(-({{ c }} * (f32(p.dim) / max({{ d }} - padding, 1.0))), FARTHEST), {{ d }} > padding)
//% else
max(-{{ c }}, FARTHEST)
//% endif
{% endmacro %}

// Raises `best` to the score of a pair that its bitmap lets pass.
{% macro score(i, j, best) %}
{% set c = "c%d_%d"|format(i, j) %}{% set d = "d%d_%d"|format(i, j) %}
//% if bitmap
  if ((bitmap[r{{ i }} + min(word{{ j }}, p.words - 1u)] >> (col{{ j }} % 32u) & 1u) != 0u)
//% endif
  { {{ best }} = max({{ best }}, {{ value(c, d) }} + bias{{ j }}); }
{% endmacro %}

@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = (p.first_tile + wg.y + wg.z * p.tiles_y) * {{ bn }}u;
  if (x0 >= p.n) { return; }
{{ tile.pairs("queries", right, "row", step, sums) }}
//% for j in range(tn)
  let col{{ j }} = x0 + tx + {{ j * shape.TX }}u;
  // 0 of a row that takes part
  let bias{{ j }} = select(SENTINEL, bias[row(min(col{{ j }}, p.n - 1u))], col{{ j }} < p.n);
//% if bitmap
  let word{{ j }} = p.first_bin * 2u + col{{ j }} / 32u;
//% endif
//% endfor
//% if bitmap
//% for i in range(tm)
  let r{{ i }} = min(q0 + ty + {{ i * shape.TY }}u, p.nq - 1u) * p.words;
//% endfor
//% endif
//% if family == "naneuclidean"
  // zeros behind the last element are present on both sides
  let padding = f32((p.k4 + {{ shape.k4 - 1 }}u) / {{ shape.k4 }}u * {{ bk }}u - p.dim);
//% endif
{{ bins.best(score) }}
}

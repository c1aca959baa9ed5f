// What the scan needs of each row: bias = -|x|^2 / 2 (l2) or 0, {{ "with what is added to the row's distance, " if dtype == "rabitq" }}scale = 1 / |x| (cosine; 0 of a row shorter than 2^-126), and of
// each bin the largest |x|, rounded up{{ "; x being the logarithms of the row's elements, 0 of an element of 0" if family == "log" else "" }}.
// Bindings: {{ "ranges (vec4), " if coded else "" }}rows (n x stride4 groups of four), bias (n, out), bin_norm (bins of the index, out){{ ", scale (n, out)" if scaled else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one bin; eight neighbours have one row, 32 rows at a time, twice.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
{% set groups = "p.k4" %}
{% set ranges_in = "ranges" %}
{% include "lib/load/rows.wgsl" %}
{% set small = "p.k4" %}
{% include "lib/math/tree.wgsl" %}
//% if scaled
{% include "lib/math/largest.wgsl" %}
//% endif
//% if family == "log"
{% include "lib/math/log.wgsl" %}
{% include "lib/math/logs.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> bias: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> bin_norm: array<f32>;
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read_write> scale: array<f32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

struct Params {
  first: u32,
  n: u32,
  k4: u32,
  stride4: u32,
  groups_x: u32,
  dim: u32,
  first_bin: u32,
  last: u32,
  least_norm: f32,
}
var<immediate> p: Params;

var<workgroup> parts: array<vec4<f32>, 256>;
var<workgroup> norms: array<f32, 64>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let bin = p.first / BIN + wg.x + wg.y * p.groups_x;
  if (bin * BIN >= p.n) { return; }
  let j = t % 8u;
  for (var side = 0u; side < 64u; side += 32u) {
    let x = bin * BIN + side + t / 8u;
    let own = row(min(x, p.n - 1u));
    var factor = 1.0;
//% if scaled
    let most = largest_of(t, own);
    factor = factor_of(most);
//% endif
    var acc = vec4<f32>(0.0);
    for (var k = j; k < p.k4; k += 8u) {
      let v = {{ "logs_of(row4_at(own, k))" if family == "log" else "row4_at(own, k) * factor" }};
      acc = fma(v, v, acc);
    }
    parts[t] = acc;
    workgroupBarrier();
    if (j == 0u) {
      let sum = tree8(parts[t], parts[t + 1u], parts[t + 2u], parts[t + 3u], parts[t + 4u], parts[t + 5u], parts[t + 6u], parts[t + 7u]);
//% if dtype == "rabitq"
      // src/exact/scan/bound.rs: the square of the norm that counts is no less than what is added
      let more = added(own);
      let length = sqrt(sum + abs(more));
//% else
      let length = sqrt(sum) / factor;
//% endif
      // the other rows of the bin have their bias; a deleted one's is the sentinel
      if (x >= p.first && x < p.last) {
//% if dtype == "rabitq"
        bias[own] = {{ "-0.5 * (sum + more)" if family == "l2" else "more" }};
//% else
        bias[own] = {{ "-0.5 * sum" if family == "l2" else "0.0" }};
//% endif
//% if scaled
//% if dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"]
        // what is looked up may be of any length, and what is shorter than 2^-60 counts as zero: products with it would vanish
        scale[own] = select(factor / sqrt(sum), 0.0, sum < least_of(most) || length < 8.673617379884035e-19);
//% else
        scale[own] = select(factor / sqrt(sum), 0.0, sum < least_of(most));
//% endif
//% endif
      }
      // Rounded up, and for squares that vanished, each below 2^-126. The sum of d / 32 squares in a row and its root are off by less
      // than d 2^-29 and some roundings, however large d is.
      let up = 1.0009765625 + f32(p.dim) * 1.862645149230957e-9;
      norms[side + t / 8u] = select(0.0, max(length * up + sqrt(f32(p.dim)) * 2.168404344971009e-19, p.least_norm), x < p.n);
    }
    workgroupBarrier();
  }
  if (t == 0u) {
    var m = 0.0;
    for (var u = 0u; u < 64u; u++) { m = max(m, norms[u]); }
    bin_norm[p.first_bin + bin] = m;
  }
}

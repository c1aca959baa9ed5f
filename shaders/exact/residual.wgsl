// What a scan of fewer bits may lose of the rows: of each {{ "row" if lost == "each" else "bin the largest" }} |x - x'|, rounded up,
// {{ "x' being x without subnormals" if lost == "own" else "x' being x as a tile rounds it" if lost == "grid" else "from the stored bits of the copy x'" }}{{ " of the logarithms x; its negative where one of the rows has an element of 0, which is left out" if lost == "logs" else "" }}.
// Bindings: {{ "ranges (vec4), " if coded else "" }}rows (n x stride4 groups of four), residual_out ({{ "n" if lost == "each" else "bins of the index" }}, out){{ "" if lost in ["own", "grid"] else ", copy (rows x out_stride4 groups of four)" }}{{ ", copy_scale (n)" if lost == "int8copy" else ", ranges (vec4: k4 minima, k4 steps, then factors)" if lost in ["sq8", "sq6", "sq4"] else "" }}{{ ", scale (n)" if scaled else "" }}{{ ", row_table (n)" if table else "" }}.
// Threads: a workgroup of 256 has one bin; eight neighbours have one row, 32 rows at a time, twice.
// Profile keys: none.

{% set as_codes = lost in ["sq8", "sq6", "sq4"] %}
{% set groups = "p.k4" %}
{% set ranges_in = "ranges" %}
{% include "lib/constants.wgsl" %}
{% include "lib/load/rows.wgsl" %}
//% if lost == "grid"
{% include "lib/load/grid.wgsl" %}
//% elif dtype != "f16"
{% include "lib/load/half.wgsl" %}
//% endif
//% if lost == "logs"
{% include "lib/math/log.wgsl" %}
{% include "lib/math/logs.wgsl" %}
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> residual_out: array<f32>;
//% if lost == "int8copy"
@group(0) @binding({{ slot() }}) var<storage, read> copy: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> copy_scale: array<f32>;
//% elif as_codes
@group(0) @binding({{ slot() }}) var<storage, read> copy: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> ranges: array<vec4<f32>>;
//% elif lost not in ["own", "grid"]
@group(0) @binding({{ slot() }}) var<storage, read> copy: array<vec2<u32>>;
//% endif
//% if scaled
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
{% set maps = "row" %}
{% include row_map %}

struct Params {
  first: u32,
  n: u32,
  k4: u32,
  stride4: u32,
  out_stride4: u32,
  groups_x: u32,
  first_bin: u32,
  inverse: f32,
  dim: u32,
}
var<immediate> p: Params;

var<workgroup> parts: array<f32, 512>;
var<workgroup> lengths: array<f32, 64>;
//% if lost == "logs"
var<workgroup> zeros: atomic<u32>;
//% endif

// Rounded up, by what a sum of so many squares may be off by; where something was lost at all, also for differences that vanish.
fn up(length: f32) -> f32 {
  let more = 1.0009765625 + f32(p.k4) * 7.450580596923828e-9;
  return select(0.0, length * more * p.inverse + 2.168404344971009e-19, length > 0.0);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let bin = p.first / BIN + wg.x + wg.y * p.groups_x;
  if (bin * BIN >= p.n) { return; }
  let j = t % 8u;
//% if lost == "logs"
  if (t == 0u) { atomicStore(&zeros, 0u); }
  workgroupBarrier();
//% endif
  for (var side = 0u; side < 2u; side++) {
    let x = bin * BIN + side * 32u + t / 8u;
    let at = row(min(x, p.n - 1u));
    // sums of squares that neither overflow nor vanish: in units of the copy's own grid
    var sum = 0.0;
    for (var k = j; k < p.k4; k += 8u) {
//% if lost == "logs"
      let own = row4(at * p.stride4 + k);
      let zero = zeros_of(own, k);
      if (any(zero)) { atomicOr(&zeros, 1u); }
      let v = logs_of(own);
//% else
      let v = row4_at(at, k){{ " * scale[at]" if scaled else "" }};
//% endif
//% if lost == "own"
      let rest = select(vec4<f32>(0.0), v, abs(row4(at * p.stride4 + k)) < vec4<f32>(0.00006103515625));
//% elif lost == "grid"
      // the row as it is rounded, before it is divided by its norm
      let own = row4_at(at, k);
      let rest = (own - on_grid(own * range4(1u).y) * p.inverse){{ " * scale[at]" if scaled else "" }};
//% elif lost == "int8copy"
      // the product rounds, by less than 2^-23 of what it is near to
      let rest = abs(v - vec4<f32>(unpack4xI8(copy[at * p.out_stride4 + k])) * copy_scale[at]) + abs(v) * 1.1920929e-7;
//% elif as_codes
      // what it stands for rounds, which the bound counts among the products
      let number = vec4<f32>(unpack4xI8(copy[at * p.out_stride4 + k])) + {{ "128.5" if lost == "sq8" else "32.5" if lost == "sq6" else "8.5" }};
      let rest = v - fma(number, ranges[p.k4 + k], ranges[k]);
//% else
      let w = copy[at * p.out_stride4 + k];
      let stored = vec4<f32>(half_of(w.x & 0xffffu), half_of(w.x >> 16u), half_of(w.y & 0xffffu), half_of(w.y >> 16u));
      let rest = {{ "select(v - stored * p.inverse, vec4<f32>(0.0), zero)" if lost == "logs" else "v - stored * p.inverse" }};
//% endif
      let r = rest / p.inverse;
      // squares that vanish are below 2^-126 each
      sum += select(0.0, dot(r, r) + 4.70197740328915e-38, any(rest != vec4<f32>(0.0)));
    }
    parts[side * 256u + t] = select(0.0, sum, x < p.n);
  }
  workgroupBarrier();
  if (t < 64u) {
    var sum = 0.0;
    for (var u = 0u; u < 8u; u++) { sum += parts[t * 8u + u]; }
    lengths[t] = sqrt(sum);
  }
  workgroupBarrier();
//% if lost == "each"
  let own = bin * BIN + t;
  if (t < 64u && own < p.n) { residual_out[own] = up(lengths[t]); }
//% else
  if (t == 0u) {
    var m = 0.0;
    for (var u = 0u; u < 64u; u++) { m = max(m, lengths[u]); }
//% if lost == "logs"
    // never 0, which has no sign
    residual_out[p.first_bin + bin] = select(up(m), -(up(m) + 2.168404344971009e-19), atomicLoad(&zeros) != 0u);
//% else
    residual_out[p.first_bin + bin] = up(m);
//% endif
  }
//% endif
}

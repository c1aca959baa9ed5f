// How far any score of a bin may be off, of which `best` is the largest: src/exact/scan/bound.rs says why. Included with `normless`, where
// the score alone tells, `rounded`, where rows and queries have copies that lost something, `logs`, where these are of logarithms and the
// sign of a residual says something else, and `bin`, the rows of one; `p` has the coefficients.
//% if not normless
@group(0) @binding({{ slot() }}) var<storage, read> bin_norm: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> query_norm: array<f32>;
//% if rounded
// of the rounded copies: the largest distance of a bin's rows from theirs, and of the query from its own
@group(0) @binding({{ slot() }}) var<storage, read> bin_residual: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> query_residual: array<f32>;
//% endif
//% endif

fn bound(best: f32, fine_bin: u32, query: u32, q: f32) -> f32 {
//% if normless
  return p.floor + p.slack * abs(best);
//% else
  let bin = fine_bin{{ " / " ~ (64 // bin) ~ "u" if bin < 64 else "" }};
  let norm = select(p.unit, bin_norm[bin], p.unit == 0.0);
//% if rounded
  let rest = {{ "abs(bin_residual[bin])" if logs else "bin_residual[bin]" }};
  let lost = query_residual[p.residual_at + query];
  let both = (q + lost) * rest + (lost * norm + p.c1 * (q + lost) * (norm + rest));
//% else
  let both = p.c1 * q * norm;
//% endif
  return p.c0 * norm * norm + (both + (p.c2 * {{ "q" if logs else "q * q" }} + (p.floor + p.slack * abs(best))));
//% endif
}

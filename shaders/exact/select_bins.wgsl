// Stage B of the binned scan: which bins can hold one of the k nearest. With E the bound of the error of any score of a
// bin and M its largest score, L = the k-th largest M - E; at least k rows truly score L or more, so every neighbour does,
// and its bin has M + E >= L. Where all sums are exact (E = 0) ties at L need only the first k of their bins.
//% if logs
// A bin with a negative residual may owe its score to a row that is no hit, so it says nothing of L.
//% endif
// Bindings: bin_best (nq x bin_stride{{ ", of bin_counts[query] bins the score and the number" if listed else "" }}),{{ " bin_counts (nq)," if listed else "" }} chosen (nq x max_candidates, out{{ ", NO_KEY behind the last" if normless or logs else "" }}), counts (nq, out; above max_candidates: too many){{ "" if normless else ", bin_norm (bins%s), query_norm (nq)"|format(" of 64 rows" if bin < 64 else "") }}{{ ", bin_residual (as bin_norm), query_residual (residual_at + nq)" if rounded else "" }}{{ ", group_best (nq x groups of 64 bins)" if grouped else "" }}.
// Threads: a workgroup of {{ threads }} has one query.
// Profile keys: kernel.select threads threads_few_queries.

{% set ranks = threads if threads < 256 else 256 %}
{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
{% include "lib/select/radix.wgsl" %}
//% if listed
// scores, and which bins they are of
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<vec2<u32>>;
@group(0) @binding({{ slot() }}) var<storage, read> bin_counts: array<u32>;
fn best_of(i: u32) -> f32 { return bitcast<f32>(bin_best[i].x); }
fn bin_of(i: u32, at: u32) -> u32 { return bin_best[i].y; }
//% else
@group(0) @binding({{ slot() }}) var<storage, read> bin_best: array<f32>;
fn best_of(i: u32) -> f32 { return bin_best[i]; }
fn bin_of(i: u32, at: u32) -> u32 { return i - at; }
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;

//% if grouped
// Of each group of 64 bins the largest score: M + E grows with M, so a group whose largest does not pass has no bin that does.
@group(0) @binding({{ slot() }}) var<storage, read> group_best: array<f32>;
// Groups that passed, and how many they are.
var<workgroup> wanted: array<u32, 256>;
var<workgroup> wanted_count: atomic<u32>;
//% endif

{% include "lib/tile/scan/select_params.wgsl" %}

var<workgroup> maxima: array<f32, {{ threads }}>;
var<workgroup> threshold: f32;
var<workgroup> count: atomic<u32>;
var<workgroup> list: array<u32, {{ room }}>;

{% include "lib/tile/scan/bound.wgsl" %}
//% if logs

// Whether every row of a bin is a hit of every query.
fn vouches(bin: u32) -> bool { return bin_residual[bin] >= 0.0; }
//% endif

// The largest threshold that k bins reach, by digits of the key of M - E.
fn exact_threshold(t: u32, query: u32, q: f32, at: u32, bins: u32) -> f32 {
  var prefix = 0u;
  var need = p.k;
  for (var shift = 24u; ; shift -= 8u) {
    clear_histogram(t);
    for (var b = t; b < bins; b += {{ threads }}u) {
      let best = best_of(at + b);
      let key = descending_key(best - bound(best, bin_of(at + b, at), query, q));
      if (best > NO_SCORE{{ " && vouches(b)" if logs else "" }} && (shift == 24u || (key ^ prefix) >> (shift + 8u) == 0u)) {
        atomicAdd(&histogram[key >> shift & 255u], 1u);
      }
    }
    let digit = digit_of(t, need);
    // fewer valid bins than k: everything valid passes
    if (digit.y + digit.z < need) { return NO_SCORE; }
    prefix |= digit.x << shift;
    need -= digit.y;
    if (shift == 0u) { break; }
  }
  // back from the key of a descending order
  return number_of_key(~prefix);
}

//% if grouped
// Lists the bins that reach l, of the groups that do. `at` is where the query's bins begin; not called where p.bins is 0.
fn list_by_group(t: u32, query: u32, l: f32, at: u32) {
  let groups = (p.bins + 63u) / 64u;
  for (var g = t; g < groups; g += {{ threads }}u) {
    let best = group_best[query * groups + g];
    if (best > NO_SCORE && best + bound(best, g, query, 0.0) >= l) {
      let slot = atomicAdd(&wanted_count, 1u);
      if (slot < 256u) { wanted[slot] = g; }
    }
  }
  workgroupBarrier();
  let passed = workgroupUniformLoad(&wanted_count);
  for (var e = t; e < min(passed, 256u) * 64u; e += {{ threads }}u) {
    let b = wanted[e / 64u] * 64u + e % 64u;
    let best = bin_best[at + min(b, p.bins - 1u)];
    if (b < p.bins && best > NO_SCORE && best + bound(best, b, query, 0.0) >= l) {
      let slot = atomicAdd(&count, 1u);
      if (slot < p.max_candidates) { list[slot] = b; }
    }
  }
  // more than can be listed are too many bins, too
  if (passed > 256u && t == 0u) { atomicAdd(&count, p.max_candidates + 1u); }
}
//% endif

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let bins = {{ "bin_counts[query]" if listed else "p.bins" }};
  let q = {{ "0.0" if normless else "query_norm[query]" }};
  let at = query * p.bin_stride;
  if (t == 0u) { atomicStore(&count, 0u);{{ " atomicStore(&wanted_count, 0u);" if grouped else "" }} threshold = NO_SCORE; }

  // A first threshold from one pass over the bins, or their groups: the k-th largest of the threads' own maxima. Each stems from
  // another bin, so k bins reach it; it is a little below the exact one.
  let firsts = {{ "(bins + 63u) / 64u" if grouped else "bins" }};
  let first_at = {{ "query * firsts" if grouped else "at" }};
  var l = NO_SCORE;
  if (p.k <= {{ ranks // 2 }}u) {
    var own = SENTINEL;
    for (var b = t; b < firsts; b += {{ threads * 8 }}u) {
//% for u in range(8)
      let b{{ u }} = min(b + {{ u * threads }}u, firsts - 1u);
      let m{{ u }} = {{ "group_best[first_at + b%d]"|format(u) if grouped else "best_of(first_at + b%d)"|format(u) }};
      let e{{ u }} = bound(m{{ u }}, {{ "b%d"|format(u) if grouped else "bin_of(at + b%d, at)"|format(u) }}, query, q);
//% endfor
//% for u in range(8)
      if (b + {{ u * threads }}u < firsts && m{{ u }} > NO_SCORE{{ " && vouches(b%d)"|format(u) if logs else "" }}) { own = max(own, m{{ u }} - e{{ u }}); }
//% endfor
    }
    maxima[t] = own;
    workgroupBarrier();
//% if threads > ranks
    // one of several threads' maxima stands for them: ranks cost their number for each
    if (t < {{ ranks }}u) {
//% for u in range(1, threads // ranks)
      own = max(own, maxima[t + {{ u * ranks }}u]);
//% endfor
    } else {
      own = SENTINEL;
    }
    workgroupBarrier();
    maxima[t] = own;
    workgroupBarrier();
//% endif
    var rank = 0u;
    for (var u = 0u; u < {{ ranks }}u; u += 8u) {
//% for v in range(8)
      { let other = maxima[u + {{ v }}u]; rank += select(0u, 1u, other > own || (other == own && u + {{ v }}u < t)); }
//% endfor
    }
    if (rank == p.k - 1u && own > NO_SCORE) { threshold = own; }
    l = workgroupUniformLoad(&threshold);
  }
  var rounds = select(2u, 1u, p.k > {{ ranks // 2 }}u);
  if (rounds == 1u) { l = exact_threshold(t, query, q, at, bins); }
  for (; rounds > 0u; rounds--) {
//% if grouped
    if (rounds == 2u) { list_by_group(t, query, l, at); }
    let end = select(bins, 0u, rounds == 2u);
//% else
    let end = bins;
//% endif
    for (var b = t; b < end; b += {{ threads * 8 }}u) {
//% for u in range(8)
      let b{{ u }} = min(b + {{ u * threads }}u, bins - 1u);
      let m{{ u }} = best_of(at + b{{ u }});
      let e{{ u }} = bound(m{{ u }}, bin_of(at + b{{ u }}, at), query, q);
//% endfor
//% for u in range(8)
      if (b + {{ u * threads }}u < bins && m{{ u }} > NO_SCORE && m{{ u }} + e{{ u }} >= l) {
        let slot = atomicAdd(&count, 1u);
        if (slot < p.max_candidates) { list[slot] = b{{ u }}; }
      }
//% endfor
    }
    workgroupBarrier();
    let passed = workgroupUniformLoad(&count);
    if (passed <= p.max_candidates || rounds == 1u) { break; }
    // too many: once more with the exact threshold
    l = exact_threshold(t, query, q, at, bins);
    if (t == 0u) { atomicStore(&count, 0u); }
    workgroupBarrier();
  }
  workgroupBarrier();
  var passed = workgroupUniformLoad(&count);

//% if not table
  // Mass ties without rounding: what is above l (fewer than k bins), and the first bins at l, which hold the first rows only where
  // positions are in the order of the rows; through a table there are too many.
  // Scores as large as l < -NO_SCORE asks for are none: a pipeline with other subgroups than it was made for says so of all its bins.
  if (passed > p.max_candidates && p.slack == 0.0 && l < -NO_SCORE) {
    if (t == 0u) { atomicStore(&count, 0u); }
    workgroupBarrier();
    for (var b = t; b < bins; b += {{ threads }}u) {
      let best = best_of(at + b);
      if (best > l) {
        let slot = atomicAdd(&count, 1u);
        if (slot < p.max_candidates) { list[slot] = b; }
      }
    }
    workgroupBarrier();
    let above = workgroupUniformLoad(&count);
    var taken = 0u;
    for (var first = 0u; first < bins && above + taken < p.k; first += {{ threads }}u) {
      let b = first + t;
      let tie = b < bins && best_of(at + min(b, bins - 1u)) == l;
      maxima[t] = select(0.0, 1.0, tie);
      workgroupBarrier();
      var before = 0u;
      for (var u = 0u; u < t; u++) { before += u32(maxima[u]); }
      if (tie && above + taken + before < p.k) { list[above + taken + before] = b; }
      if (t == {{ threads - 1 }}u) { atomicStore(&count, before + select(0u, 1u, tie)); }
      workgroupBarrier();
      taken += workgroupUniformLoad(&count);
    }
    passed = min(above + taken, p.k);
  }
//% endif
  workgroupBarrier();
//% if normless or logs
  // the distances are by distance.wgsl, which is not told how many there are
  for (var i = t; i < p.max_candidates; i += {{ threads }}u) {
    var bin = NO_KEY;
    if (i < passed) { bin = bin_of({{ "at + list[i], at" if listed else "list[i], 0u" }}); }
    chosen[query * p.max_candidates + i] = bin;
  }
//% else
  for (var i = t; i < min(passed, p.max_candidates); i += {{ threads }}u) { chosen[query * p.max_candidates + i] = bin_of({{ "at + list[i], at" if listed else "list[i], 0u" }}); }
//% endif
  if (t == 0u) { counts[query] = passed; }
}

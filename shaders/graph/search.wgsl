// Best-first search of a graph: of each query the p.ef best rows that were met, from its starts on. A step follows the edges of the best rows
// whose edges were not followed yet, until there is none among the p.ef best.
// Bindings: rows (n x stride4 groups of four{{ ", of the first segment" if segments > 1 else "" }}), queries (nq x q_stride4 groups of four{{ ", integers as the rows" if whole else "" }}), links (n x degree, NO_KEY behind the last), starts (nq x p.starts
//   rows, NO_KEY behind the last), chosen (nq x p.ef rows, out, best first, NO_KEY behind the last), counts (nq, out), steps (nq, out){{ ", scale (n)" if scaled or dtype == "int8copy" else "" }}{% for s in range(1, segments) %}, rows{{ s }} (those of the next){{ ", scale" ~ s ~ " (of the next)" if scaled or dtype == "int8copy" else "" }}{% endfor %}.
// Threads: a workgroup of {{ threads }} has one query; eight neighbours have {{ unroll }} rows at a time.
// Profile keys: kernel.graph threads, few_queries, few_threads.
//
// Of many queries a step costs the bytes that it reads, of a few the chain of what waits for one another: then a query has more threads, all rows of a
// step are on their way at once, and what compares each new row with each other is spread over the threads.
//
// What was met is remembered in a table that may forget: a slot has the last row that fell on it. A row that was forgotten is compared again, with
// the same key, and the list drops what it has; one that left the list is worse than all of it, and the list only gets better. So the table decides how
// long a search takes and nothing else, and neither does the order in which threads get there: the answer is a function of the graph, the query and
// p.ef. (That a visited set may forget: GGNN, arXiv 1912.01059.)

{% include "lib/constants.wgsl" %}
{% include "lib/select/key.wgsl" %}
{# groups of four elements that a thread reads at a time: 16 bytes, but of f16 and bf16 rows as they are #}
{% set per = 4 if dtype in ["i8", "u8", "int8copy"] else 2 if dtype == "f16copy" else 1 %}
{# a number of each row that belongs to its products, or makes a row of what was rounded #}
{% set numbered = scaled or dtype == "int8copy" %}
//% if per > 1
{% include "lib/load/element.wgsl" %}
alias Words = vec4<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<Words>;
//% if per == 2
fn groups(x: Words) -> array<vec4<f32>, 2> { return array<vec4<f32>, 2>(floats(x.xy), floats(x.zw)); }
//% elif not whole
fn groups(x: Words) -> array<vec4<f32>, 4> { return array<vec4<f32>, 4>(floats(x.x), floats(x.y), floats(x.z), floats(x.w)); }
//% endif
//% else
{% include "lib/load/rows.wgsl" %}
alias Words = Group;
//% endif
//% if whole
// Sixteen elements on both sides, as the exact distance takes them: integers, which are the same in any order.
fn step16(acc: vec4<i32>, q: vec4<u32>, x: vec4<u32>) -> vec4<i32> {
  var sum = acc;
//% for side in "xyzw"
//% if family == "l2"
  let z{{ side }} = integers(q.{{ side }}) - integers(x.{{ side }});
  sum += z{{ side }} * z{{ side }};
//% else
  sum += integers(q.{{ side }}) * integers(x.{{ side }});
//% endif
//% endfor
  return sum;
}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<u32>>;
//% else
{% include "lib/metric/exact.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> queries: array<vec4<f32>>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read> links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> starts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> chosen: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> counts: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> steps: array<u32>;
//% if numbered
@group(0) @binding({{ slot() }}) var<storage, read> scale: array<f32>;
//% endif
//% for s in range(1, segments)
@group(0) @binding({{ slot() }}) var<storage, read> rows{{ s }}: array<Words>;
//% if numbered
@group(0) @binding({{ slot() }}) var<storage, read> scale{{ s }}: array<f32>;
//% endif
//% endfor

struct Params {
  k4: u32,
  stride4: u32,
  q_stride4: u32,
  degree: u32,
  starts: u32,
  ef: u32,
  most_steps: u32,
  // of every segment but the last
  segment_rows: u32,
  // what the rows are multiplied by
  factor: f32,
}
var<immediate> p: Params;

const THREADS = {{ threads }}u;
const TEAMS = THREADS / 8u;
// rows whose parts there is room for
const CHUNK = {{ chunk }}u;
const LIST = {{ list }}u;
const WIDTH = {{ width }}u;
const ROOM = {{ room }}u;
const SLOTS = {{ slots }}u;
// of a row in the list whose edges were followed
const FOLLOWED = 0x80000000u;
const NO_PLACE = 0xffffffffu;
// of a new row that is on the list, or among the new ones once more
const NOWHERE = 0xffffu;
// of a query that ended before it was done
const CAPPED = 0x80000000u;

// the list, sorted, and behind or before it the one that it becomes
var<workgroup> list_key: array<u32, {{ 2 * list }}>;
var<workgroup> list_row: array<u32, {{ 2 * list }}>;
// places of the list whose edges are still to be followed
var<workgroup> open: array<atomic<u32>, {{ list // 32 }}>;
// places of the next list that new ones have
var<workgroup> taken: array<atomic<u32>, {{ list // 32 }}>;
// what a step meets, then of it what is better than the last of the list
var<workgroup> new_row: array<u32, ROOM>;
var<workgroup> new_key: array<u32, ROOM>;
// how many of the old ones stand before each, NOWHERE of one that is not needed, and in the upper half how many of the new ones
var<workgroup> new_at: array<atomic<u32>, ROOM>;
var<workgroup> parts: array<{{ "i32" if whole else "f32" }}, {{ 8 * chunk }}>;
var<workgroup> seen: array<atomic<u32>, SLOTS>;
var<workgroup> parents: array<u32, WIDTH>;
//% if not few
var<workgroup> met: atomic<u32>;
//% endif
var<workgroup> better: atomic<u32>;
var<workgroup> goes_on: u32;
var<workgroup> ended: u32;

// Number k of what a thread reads of a row at a time, whatever segment that is in.
fn words(row: u32, k: u32) -> Words {
{% set stride = "p.stride4 / " ~ per ~ "u" if per > 1 else "p.stride4" %}
//% if segments == 1
  return rows[row * ({{ stride }}) + k];
//% else
  // read of each, and chosen afterwards: of branches that differ the reads would wait for each other
  let segment = row / p.segment_rows;
  let at = (row - segment * p.segment_rows) * ({{ stride }}) + k;
  var found = rows[select(0u, at, segment == 0u)];
//% for s in range(1, segments)
  found = select(found, rows{{ s }}[select(0u, at, segment == {{ s }}u)], segment == {{ s }}u);
//% endfor
  return found;
//% endif
}
//% if numbered

fn scale_of(row: u32) -> f32 {
//% if segments == 1
  return scale[row];
//% else
  let segment = row / p.segment_rows;
  let at = row - segment * p.segment_rows;
//% for s in range(1, segments)
  if (segment == {{ s }}u) { return scale{{ s }}[at]; }
//% endfor
  return scale[at];
//% endif
}
//% endif

fn before(key: u32, row: u32, other_key: u32, other_row: u32) -> bool {
  return key < other_key || (key == other_key && row < other_row);
}

// The place of the one that has `before` ones below it, 32 or more of one that there is not.
fn place_of(word: u32, before: u32) -> u32 {
  var left = before;
  var at = 0u;
  for (var half = 16u; half > 0u; half /= 2u) {
    let below = countOneBits(extractBits(word, at, half));
    if (left >= below) { left -= below; at += half; }
  }
  return at + left + u32(left == 0u && (word >> at & 1u) == 0u);
}

// Puts a row on the list of those to compare, unless it was met and that is remembered.
fn meet(row: u32, place: u32) {
  let slot = (row * 2654435761u >> 12u) % SLOTS;
//% if few
  // where it is compared is known: nobody waits for a counter
  var fresh = row;
  if (row != NO_KEY && atomicExchange(&seen[slot], row) == row) { fresh = NO_KEY; }
  new_row[place] = fresh;
//% else
  if (row != NO_KEY && atomicExchange(&seen[slot], row) != row) { new_row[atomicAdd(&met, 1u)] = row; }
//% endif
}

@compute @workgroup_size({{ threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let query = wg.x;
  let y = query * {{ "(p.q_stride4 / 4u)" if whole else "p.q_stride4" }};
  let j = t % 8u;
  let team = t / 8u;
  for (var i = t; i < 2u * LIST; i += THREADS) { list_key[i] = NO_KEY; list_row[i] = NO_KEY; }
  for (var i = t; i < SLOTS; i += THREADS) { atomicStore(&seen[i], NO_KEY); }
{{ "  if (t == 0u) { atomicStore(&met, 0u); }" if not few else "" }}
  workgroupBarrier();
  for (var i = t; i < p.starts; i += THREADS) { meet(starts[query * p.starts + i], i); }
//% if few
  var count = p.starts;
//% endif
  var now = 0u;
  var step = 0u;
  loop {
//% if few
    workgroupBarrier();
//% else
    let count = workgroupUniformLoad(&met);
//% endif
    let last_key = list_key[now + p.ef - 1u];
    let last_row = list_row[now + p.ef - 1u] & ~FOLLOWED;
    if (t < LIST / 32u) { atomicStore(&open[t], 0u); atomicStore(&taken[t], 0u); }
    if (t == 0u) { atomicStore(&better, 0u); }
    // compare: those that are no better than the last of the list are dropped
    for (var first = 0u; first < count; first += CHUNK) {
      let end = min(first + CHUNK, count);
      for (var u = first + team; u < end; u += TEAMS * {{ unroll }}u) {
//% for c in range(unroll)
        var acc{{ c }} = vec4<{{ "i32" if whole else "f32" }}>(0);
        let i{{ c }} = u + {{ c }}u * TEAMS;
        let row{{ c }} = new_row[min(i{{ c }}, ROOM - 1u)];
        let live{{ c }} = i{{ c }} < end{{ " && row" ~ c ~ " != NO_KEY" if few else "" }};
//% if dtype == "int8copy" and family == "l2"
        let unit{{ c }} = scale_of(select(0u, row{{ c }}, live{{ c }}));
//% endif
//% endfor
        // two reads of each row are on their way at once
        let groups_of_row = {{ "(p.k4 + " ~ (per - 1) ~ "u) / " ~ per ~ "u" if per > 1 else "p.k4" }};
        for (var k = j; k < groups_of_row; k += 16u) {
//% for c in range(unroll)
          var x{{ c }} = Words();
          var y{{ c }} = Words();
          if (live{{ c }}) { x{{ c }} = words(row{{ c }}, k); }
          if (live{{ c }} && k + 8u < groups_of_row) { y{{ c }} = words(row{{ c }}, k + 8u); }
//% endfor
{% for half in range(2) %}
{% set x = ["x", "y"][half] %}
{% set at = ["k", "(k + 8u)"][half] %}
          {{ "if (k + 8u < groups_of_row) " if half == 1 else "" }}{
//% if whole
            let q = queries[y + {{ at }}];
//% for c in range(unroll)
            acc{{ c }} = step16(acc{{ c }}, q, {{ x }}{{ c }});
//% endfor
//% elif per > 1
            let q0 = queries[y + {{ per }}u * {{ at }}] * p.factor;
            // behind the last the row has zeros
//% for g in range(1, per)
            let q{{ g }} = select(vec4<f32>(0.0), queries[y + min({{ per }}u * {{ at }} + {{ g }}u, p.k4 - 1u)] * p.factor, {{ per }}u * {{ at }} + {{ g }}u < p.k4);
//% endfor
//% for c in range(unroll)
            let all{{ c }} = groups({{ x }}{{ c }});
//% for g in range(per)
            acc{{ c }} = step4(acc{{ c }}, q{{ g }}, {{ "scaled_up(" if scaled else "" }}all{{ c }}[{{ g }}]{{ ")" if scaled else " * unit" ~ c if dtype == "int8copy" and family == "l2" else "" }});
//% endfor
//% endfor
//% else
            let a = queries[y + {{ at }}] * p.factor;
//% for c in range(unroll)
            acc{{ c }} = step4(acc{{ c }}, a, {{ "scaled_up(floats(" ~ x ~ c ~ "))" if scaled else "floats(" ~ x ~ c ~ ")" }});
//% endfor
//% endif
          }
{% endfor %}
        }
//% for c in range(unroll)
        if (live{{ c }}) { parts[(i{{ c }} - first) * 8u + j] = (acc{{ c }}.x + acc{{ c }}.y) + (acc{{ c }}.z + acc{{ c }}.w); }
//% endfor
      }
      workgroupBarrier();
      let i = first + t;
      let row = new_row[min(i, ROOM - 1u)];
      let mine = t < CHUNK && i < end{{ " && row != NO_KEY" if few else "" }};
      var key = NO_KEY;
      if (mine) {
        let at = t * 8u;
        var value = ((parts[at] + parts[at + 1u]) + (parts[at + 2u] + parts[at + 3u])) + ((parts[at + 4u] + parts[at + 5u]) + (parts[at + 6u] + parts[at + 7u]));
//% if scaled
        value = scaled_down(value, scale_of(row));
//% elif dtype == "int8copy" and family == "dot"
        value *= scale_of(row);
//% endif
//% if not whole
        key = {{ "ascending_key(value)" if family == "l2" else "descending_key(value)" }};
//% elif family == "l2"
        key = bitcast<u32>(value);
//% else
        key = {{ "0x7ffffffeu" if dtype == "i8" else "0xfffffffeu" }} - bitcast<u32>(value);
//% endif
      }
      // every row of the chunk is read before the first of them is written
      workgroupBarrier();
      if (mine && before(key, row, last_key, last_row)) {
        let to = atomicAdd(&better, 1u);
        new_key[to] = key;
        new_row[to] = row;
        atomicStore(&new_at[to], 0u);
      }
      if (end < count) { workgroupBarrier(); }
    }
    let fresh = workgroupUniformLoad(&better);
    // thread t has new row t % many, and of the others each so many-th: a row that comes twice, from two parents or to a list that has it, comes once
    let bits = 32u - countLeadingZeros(max(fresh, 1u) - 1u);
    let many = 1u << bits;
    let apart = max(THREADS >> bits, 1u);
    for (var i = t & (many - 1u); i < fresh; i += min(THREADS, many)) {
      let key = new_key[i];
      let row = new_row[i];
      var at = 0u;
      if ((t >> bits) == 0u) {
        var low = 0u;
        var high = p.ef;
        while (low < high) {
          let middle = (low + high) / 2u;
          if (before(list_key[now + middle], list_row[now + middle] & ~FOLLOWED, key, row)) { low = middle + 1u; } else { high = middle; }
        }
        at = low;
        if (low < p.ef && (list_row[now + low] & ~FOLLOWED) == row && list_key[now + low] == key) { at = NOWHERE; }
      }
      for (var other = t >> bits; other < i; other += apart) {
        if (new_row[other] == row) { at = NOWHERE; }
      }
      atomicMax(&new_at[i], at);
    }
    workgroupBarrier();
    let then = LIST - now;
    for (var i = t & (many - 1u); i < fresh; i += min(THREADS, many)) {
      let key = new_key[i];
      let row = new_row[i];
      var rank = 0u;
      for (var other = t >> bits; other < fresh; other += apart) {
        rank += u32(before(new_key[other], new_row[other], key, row) && (atomicLoad(&new_at[other]) & NOWHERE) != NOWHERE);
      }
      atomicAdd(&new_at[i], rank << 16u);
    }
    workgroupBarrier();
    for (var i = t; i < fresh; i += THREADS) {
      let at = atomicLoad(&new_at[i]);
      let to = (at & NOWHERE) + (at >> 16u);
      if ((at & NOWHERE) != NOWHERE && to < p.ef) {
        list_key[then + to] = new_key[i];
        list_row[then + to] = new_row[i];
        atomicOr(&open[to / 32u], 1u << (to % 32u));
        atomicOr(&taken[to / 32u], 1u << (to % 32u));
      }
    }
    workgroupBarrier();
    // the old ones have the places that are left, in their order
    for (var i = t; i < p.ef; i += THREADS) {
      var left = i;
      var word = 0u;
      var holes = ~atomicLoad(&taken[0]);
      for (; left >= countOneBits(holes) && word < LIST / 32u - 1u; holes = ~atomicLoad(&taken[word])) {
        left -= countOneBits(holes);
        word++;
      }
      let to = word * 32u + place_of(holes, left);
      if (to < p.ef) {
        let row = list_row[now + i];
        list_key[then + to] = list_key[now + i];
        list_row[then + to] = row;
        if ((row & FOLLOWED) == 0u) { atomicOr(&open[to / 32u], 1u << (to % 32u)); }
      }
    }
    now = then;
{{ "    if (t == 0u) { atomicStore(&met, 0u); }" if not few else "" }}
    workgroupBarrier();
    // the best whose edges were not followed: thread w finds the one with w open places before it
    var place = NO_PLACE;
    if (t < WIDTH) {
      var left = t;
      for (var word = 0u; word < (p.ef + 31u) / 32u && place == NO_PLACE; word++) {
        let bits = atomicLoad(&open[word]);
        let ones = countOneBits(bits);
        if (left < ones) { place = word * 32u + place_of(bits, left); } else { left -= ones; }
      }
      var parent = NO_KEY;
      if (place != NO_PLACE) {
        parent = list_row[now + place];
        list_row[now + place] = parent | FOLLOWED;
      }
      parents[t] = parent;
    }
    if (t == 0u) {
      goes_on = u32(place != NO_PLACE && step < p.most_steps);
      ended = select(0u, CAPPED, place != NO_PLACE);
    }
    if (workgroupUniformLoad(&goes_on) == 0u) { break; }
    step++;
    for (var i = t; i < WIDTH * p.degree; i += THREADS) {
      let parent = parents[i / p.degree];
      if (parent != NO_KEY) { meet(links[parent * p.degree + i % p.degree], i); }{{ " else { new_row[i] = NO_KEY; }" if few else "" }}
    }
//% if few
    count = WIDTH * p.degree;
//% endif
  }
  for (var i = t; i < p.ef; i += THREADS) {
    let key = list_key[now + i];
    chosen[query * p.ef + i] = select(list_row[now + i] & ~FOLLOWED, NO_KEY, key == NO_KEY);
    let next = select(NO_KEY, list_key[now + min(i + 1u, p.ef - 1u)], i + 1u < p.ef);
    if (key != NO_KEY && next == NO_KEY) { counts[query] = i + 1u; }
    if (i == 0u && key == NO_KEY) { counts[query] = 0u; }
  }
  if (t == 0u) { steps[query] = step | ended; }
}

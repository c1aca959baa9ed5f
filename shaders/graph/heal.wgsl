// Rows that may become neighbours of one that lost some: those that it has, and those that the lost ones led to, the first of each before the second
// of any; where these are few, on through what was lost behind them (the healer of qdrant's HNSW, and FreshDiskANN, arXiv 2105.09613, section 4.2).
// Bindings: old_links (p.old_n x degree), origin (n: the row of the graph that each is), image (p.old_n: the row that each is now, NO_KEY of none),
//   items (rows, which lost an edge), met (p.count x ROOM rows, out, each once, NO_KEY behind the last).
// Threads: a workgroup of 64 has one row.
// Profile keys: none.

{% include "lib/constants.wgsl" %}
@group(0) @binding({{ slot() }}) var<storage, read> old_links: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> origin: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> image: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> items: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> met: array<u32>;

struct Params {
  // of the first of `items`
  first: u32,
  count: u32,
  degree: u32,
  groups_x: u32,
}
var<immediate> p: Params;

const ROOM = {{ room }}u;
// lost rows that are gone through
const LOST = 64u;

var<workgroup> alive: array<u32, ROOM>;
var<workgroup> lost: array<u32, LOST>;
// what a thread has met: the row that it is now, or the one that is lost
var<workgroup> fresh_alive: array<u32, 64>;
var<workgroup> fresh_lost: array<u32, 64>;
var<workgroup> alive_count: u32;
var<workgroup> lost_count: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let item = wg.y * p.groups_x + wg.x;
  let row = items[p.first + min(item, p.count - 1u)];
  if (t == 0u) {
    alive_count = 0u;
    lost_count = 0u;
  }
  // at first the row itself, then the lost rows from `begin` to `end`
  var begin = 0u;
  var end = 0u;
  var own = true;
  loop {
    let behind = select((end - begin) * p.degree, p.degree, own);
    for (var first = 0u; first < behind; first += 64u) {
      workgroupBarrier();
      let many = alive_count;
      let dead = lost_count;
      let at = first + t;
      var now = NO_KEY;
      var gone = NO_KEY;
      if (at < behind) {
        let by = select(lost[min(begin + at % max(end - begin, 1u), LOST - 1u)], origin[row], own);
        let rank = select(at / max(end - begin, 1u), at, own);
        let link = old_links[by * p.degree + rank];
        if (link != NO_KEY) {
          now = image[link];
          if (now == NO_KEY) { gone = link; }
        }
        if (now == row) { now = NO_KEY; }
        for (var i = 0u; i < many; i++) {
          if (alive[i] == now) { now = NO_KEY; }
        }
        for (var i = 0u; i < dead; i++) {
          if (lost[i] == gone) { gone = NO_KEY; }
        }
      }
      fresh_alive[t] = now;
      fresh_lost[t] = gone;
      workgroupBarrier();
      var here = now != NO_KEY;
      var there = gone != NO_KEY;
      var place = many;
      var place_lost = dead;
      for (var i = 0u; i < t; i++) {
        here = here && fresh_alive[i] != now;
        there = there && fresh_lost[i] != gone;
      }
      workgroupBarrier();
      fresh_alive[t] = select(NO_KEY, now, here);
      fresh_lost[t] = select(NO_KEY, gone, there);
      workgroupBarrier();
      for (var i = 0u; i < t; i++) {
        place += u32(fresh_alive[i] != NO_KEY);
        place_lost += u32(fresh_lost[i] != NO_KEY);
      }
      if (here && place < ROOM) { alive[place] = now; }
      if (there && place_lost < LOST) { lost[place_lost] = gone; }
      if (t == 63u) {
        alive_count = min(place + u32(here), ROOM);
        lost_count = min(place_lost + u32(there), LOST);
      }
    }
    workgroupBarrier();
    // through the rows that it lost in any case, through those behind them where few are left
    let enough = workgroupUniformLoad(&alive_count) >= select(p.degree, ROOM, own);
    begin = end;
    end = workgroupUniformLoad(&lost_count);
    own = false;
    if (enough || begin == end) { break; }
  }
  if (item < p.count) {
    for (var i = t; i < ROOM; i += 64u) {
      var value = NO_KEY;
      if (i < alive_count) { value = alive[i]; }
      met[item * ROOM + i] = value;
    }
  }
}

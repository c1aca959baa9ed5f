// The rows of the lists that each query probes as a bitmap: a bit a row{{ ", of those that a bitmap of the query's own leaves" if own else "" }}.
// Bindings: labels (n: the list of each row from first_row on), probed (nq x list_words: a bit a list){{ ", own (nq x words)" if own else "" }}, bitmap (nq x words, out).
// Threads: one has a word of {{ queries }} queries, so that a label is read once for them; x and y go through the words, z through the queries.
// Profile keys: none.

@group(0) @binding({{ slot() }}) var<storage, read> labels: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> probed: array<u32>;
//% if own
@group(0) @binding({{ slot() }}) var<storage, read> own: array<u32>;
//% endif
@group(0) @binding({{ slot() }}) var<storage, read_write> bitmap: array<u32>;

struct Params {
  nq: u32,
  // rows, and words that they are to fill
  n: u32,
  fill: u32,
  // the first of these words
  first_word: u32,
  words: u32,
  list_words: u32,
  groups_x: u32,
}
var<immediate> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let word = (wg.x + wg.y * p.groups_x) * 256u + t;
  if (word >= p.fill) { return; }
  let first = wg.z * {{ queries }}u;
//% for q in range(queries)
  let lists{{ q }} = min(first + {{ q }}u, p.nq - 1u) * p.list_words;
  var bits{{ q }} = 0u;
//% endfor
  let end = min(p.n, word * 32u + 32u);
  for (var row = word * 32u; row < end; row++) {
    let list = labels[row];
    let bit = row % 32u;
//% for q in range(queries)
    bits{{ q }} |= (probed[lists{{ q }} + list / 32u] >> (list % 32u) & 1u) << bit;
//% endfor
  }
  let to = p.first_word + word;
//% for q in range(queries)
  if (first + {{ q }}u < p.nq) {
    let at = (first + {{ q }}u) * p.words + to;
    bitmap[at] = bits{{ q }}{{ " & own[at]" if own else "" }};
  }
//% endfor
}

// The codes of a product quantizer: of each part of a row the number of the nearest centroid of that part, the first of equally near ones,
//   code[i][m] = argmin_c sum_j (x[i][m dsub + j]{{ " - list[label[i]][m dsub + j]" if residual else "" }} - codebook[m][c][j])^2.
// Bindings: rows (n x stride f32), codebook (subspaces x ksub x slabs x {{ groups }} vec4, zeros behind the dsub elements of a centroid),
//   codes (n x words, a byte for each part, zeros behind the last, out){{ ", labels (n), lists (nlist x list_stride f32)" if residual else "" }}.
// Threads: a workgroup of 256 has 64 rows and four parts, whose codes are one word; threads of one part are neighbours, so that all read the
//   same centroid.
// Profile keys: none.

{% set width = groups * 4 %}
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read> codebook: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read_write> codes: array<u32>;
//% if residual
@group(0) @binding({{ slot() }}) var<storage, read> labels: array<u32>;
@group(0) @binding({{ slot() }}) var<storage, read> lists: array<f32>;
//% endif

struct Params {
  // rows, and the first of them in the input, in the output and among the labels
  n: u32,
  first: u32,
  out_first: u32,
  first_label: u32,
  stride: u32,
  list_stride: u32,
  words: u32,
  subspaces: u32,
  dsub: u32,
  ksub: u32,
  // pieces of {{ width }} elements that a part is gone through in
  slabs: u32,
  groups_x: u32,
}
var<immediate> p: Params;

var<workgroup> numbers: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = (wg.x + wg.y * p.groups_x) * 64u + t % 64u;
  let part = wg.z * 4u + t / 64u;
  // threads without a row or a part do as the last one does
  let i = min(row, p.n - 1u);
  let m = min(part, p.subspaces - 1u);
  let x = (p.first + i) * p.stride + m * p.dsub;
//% if residual
  let list = labels[p.first_label + i] * p.list_stride + m * p.dsub;
//% endif
  let centroids = m * p.ksub * p.slabs * {{ groups }}u;
//% for g in range(groups)
  var x{{ g }} = vec4<f32>(0.0);
//% endfor
  var best = 3.402823466e38;
  var nearest = 0u;
  for (var c = 0u; c < p.ksub; c += {{ at_once }}u) {
//% for u in range(at_once)
    var d{{ u }} = vec4<f32>(0.0);
//% endfor
    for (var slab = 0u; slab < p.slabs; slab++) {
      if (c == 0u || p.slabs > 1u) {
        let at = slab * {{ width }}u;
//% for j in range(width)
        x{{ j // 4 }}[{{ j % 4 }}] = select(0.0, rows[x + min(at + {{ j }}u, p.dsub - 1u)]{{ " - lists[list + min(at + %du, p.dsub - 1u)]"|format(j) if residual else "" }}, at + {{ j }}u < p.dsub);
//% endfor
      }
//% for u in range(at_once)
      {
        let y = centroids + ((c + {{ u }}u) * p.slabs + slab) * {{ groups }}u;
//% for g in range(groups)
        let e{{ g }} = x{{ g }} - codebook[y + {{ g }}u];
        d{{ u }} = fma(e{{ g }}, e{{ g }}, d{{ u }});
//% endfor
      }
//% endfor
    }
//% for u in range(at_once)
    {
      let d = (d{{ u }}.x + d{{ u }}.y) + (d{{ u }}.z + d{{ u }}.w);
      if (d < best) {
        best = d;
        nearest = c + {{ u }}u;
      }
    }
//% endfor
  }
  numbers[t] = select(0u, nearest, part < p.subspaces);
  workgroupBarrier();
  if (t < 64u && row < p.n) {
    codes[(p.out_first + row) * p.words + wg.z] = numbers[t] | numbers[t + 64u] << 8u | numbers[t + 128u] << 16u | numbers[t + 192u] << 24u;
  }
}

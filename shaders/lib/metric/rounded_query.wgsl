// Estimates of RaBitQ with queries as FAISS rounds them: u = q - c, what the centroid of a row's list leaves of a query, to {{ query_bits }} bits of the
// range of its elements, w. Included behind the loads of such rows, with `family` and `groups`, the groups of four of a row:
//   spread(range, k, u)                    the range of elements, of which the groups before k have `range`
//   rounding(range)                        how elements of that range are rounded: the least, a step, and 1 / step
//   rounded_step4(acc, k, q, c, z, how)    one step of a sum over the elements; z = x - c is what a row's code adds to c
//
// With the estimate |q - x|^2 of squares the inner product of u and z alone is rounded: |u|^2 - 2 w.z + |z|^2, which is summed as
// (w - z)^2 + (u - w)(u + w), so that nothing cancels but what is rounded away; of inner products q.c + z.(c + w).

const EMPTY_RANGE = vec2<f32>(3e38, -3e38);

fn is_element(k: u32) -> vec4<bool> { return vec4<u32>(k * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(u32(range4(1u).x)); }

fn spread(range: vec2<f32>, k: u32, u: vec4<f32>) -> vec2<f32> {
  let inside = is_element(k);
  let low = select(vec4<f32>(range.x), u, inside);
  let high = select(vec4<f32>(range.y), u, inside);
  let least = min(min(low.x, low.y), min(low.z, low.w));
  return vec2<f32>(min(range.x, least), max(range.y, max(max(high.x, high.y), max(high.z, high.w))));
}

// Divided as a processor does, to the last bit: a device may be off by some, and an element in the middle of two steps would go to the other.
fn rounding(range: vec2<f32>) -> vec3<f32> {
  let most = {{ 2 ** query_bits - 1 }}.0;
  let width = range.y - range.x;
  let near = width * (1.0 / most);
  let step = fma(fma(-near, most, width), 1.0 / most, near);
  let over = 1.0 / step;
  // elements that are all alike are their range's end
  return vec3<f32>(range.x, step, select(fma(fma(-step, over, 1.0), over, over), 0.0, step < 1e-36));
}

fn rounded_step4(acc: vec4<f32>, k: u32, q: vec4<f32>, c: vec4<f32>, z: vec4<f32>, how: vec3<f32>) -> vec4<f32> {
  let u = q - c;
  // as FAISS has it on processors that take sixteen elements at a time: these by a fused product, those that are left over by a difference
  let together = k < u32(range4(1u).x) / 16u * 4u;
  let at = select((u - how.x) * how.z, fma(u, vec4<f32>(how.z), vec4<f32>(-(how.x * how.z))), together);
  let number = floor(clamp(at, vec4<f32>(0.0), vec4<f32>({{ 2 ** query_bits - 1 }}.0)) + 0.5);
  // behind the last element there are zeros
  let w = select(u, fma(number, vec4<f32>(how.y), vec4<f32>(how.x)), is_element(k));
//% if family == "l2"
  let e = w - z;
  return fma(u - w, u + w, fma(e, e, acc));
//% else
  return fma(z, c + w, fma(q, c, acc));
//% endif
}

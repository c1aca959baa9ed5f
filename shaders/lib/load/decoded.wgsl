// Four elements of a scalar quantizer as the numbers that they stand for: minimum + (c + 1/2) step, c being the stored byte and half its
// range. The step is taken in two parts: products with nine bits are exact then, so that a compiler that fuses them or does not makes
// no difference, and the host computes the same bits. Included with `dtype` (sq8, sq6, sq4, with an r before them or not) and
// `groups`, the groups of four of a row; the text has `p.stride4`, and
//   range4(i)   number i of the tables: behind two of sizes the minima of each group, and behind all of them the steps

{% set middle = "128.5" if dtype in ["sq8", "rsq8"] else "32.5" if dtype in ["sq6", "rsq6"] else "8.5" %}
fn decoded(bytes: u32, k: u32) -> vec4<f32> {
  let number = vec4<f32>(unpack4xI8(bytes)) + {{ middle }};
  // The same number, which no compiler knows, as no stride has its highest bit set: it would make one product of two with one factor.
  let again = bitcast<vec4<f32>>(bitcast<vec4<u32>>(number) | vec4<u32>(p.stride4 >> 31u));
  let step = range4(2u + {{ groups }} + k);
  let upper = bitcast<vec4<f32>>(bitcast<vec4<u32>>(step) & vec4<u32>(0xfffffe00u));
  return fma(again, step - upper, fma(number, upper, range4(2u + k)));
}

// Products of {{ q }} queries with rows that are read word by word, as read.wgsl reads them: of the type `dtype`, in f32 or, of int8copy, in
// whole numbers. Imported with `q` and `dtype`; the text that calls these macros has `queries` and their offsets y0 ..., and `parts`, a
// workgroup array of {{ q }} x 512.
//   per, steps   groups of four in a word, and words that read.steps() takes at once
//   begin()      sums of nothing
//   step(s)      adds the words u{s} and v{s}
//   end()        leaves the sums of this thread in `parts`

{% set looked_up = dtype in ["pq", "rpq", "sq8", "sq6", "sq4", "rsq8", "rsq6", "rsq4", "rf16", "rbf16", "rabitq"] %}
{% set per = 1 if dtype == "f32" or looked_up else 4 if dtype in ["i8", "u8", "int8copy"] else 2 %}{% set steps = 4 if per == 1 else 2 %}

{% macro begin() %}
//% for i in range(q)
//% if dtype == "int8copy"
  var ah{{ i }} = 0;
  var al{{ i }} = 0;
  var bh{{ i }} = 0;
  var bl{{ i }} = 0;
//% else
  var a{{ i }} = vec4<f32>(0.0);
  var b{{ i }} = vec4<f32>(0.0);
//% endif
//% endfor
{% endmacro %}

{% macro step(s) %}
//% if dtype == "int8copy"
//% for i in range(q)
    {
      let h = queries[y{{ i }} + 1u + k + {{ s * 8 }}u];
      let l = queries[y{{ i }} + 1u + groups + k + {{ s * 8 }}u];
      ah{{ i }} += dot16(h, u{{ s }});
      al{{ i }} += dot16(l, u{{ s }});
      bh{{ i }} += dot16(h, v{{ s }});
      bl{{ i }} += dot16(l, v{{ s }});
    }
//% endfor
//% else
//% for g in range(per)
    {
//% set part = [".x", ".y", ".z", ".w"][g] if per == 4 else [".xy", ".zw"][g]
      let u = {{ "u%d"|format(s) if looked_up else "floats(bitcast<vec4<f32>>(u%d))"|format(s) if per == 1 else "floats(u%d%s)"|format(s, part) }};
      let v = {{ "v%d"|format(s) if looked_up else "floats(bitcast<vec4<f32>>(v%d))"|format(s) if per == 1 else "floats(v%d%s)"|format(s, part) }};
//% if per == 1
      let at = k + {{ s * 8 }}u;
//% else
      // a row is padded with zeros, a query is not
      let at = min((k + {{ s * 8 }}u) * {{ per }}u + {{ g }}u, p.k4 - 1u);
//% endif
//% for i in range(q)
      { let z = queries[y{{ i }} + at]; a{{ i }} = fma(z, u, a{{ i }}); b{{ i }} = fma(z, v, b{{ i }}); }
//% endfor
    }
//% endfor
//% endif
{% endmacro %}

{% macro end() %}
//% for i in range(q)
//% if dtype == "int8copy"
  let unit{{ i }} = bitcast<f32>(queries[y{{ i }}].x);
  parts[{{ i * 512 }}u + t] = fma(f32(al{{ i }}), 0.00390625, f32(ah{{ i }})) * unit{{ i }};
  parts[{{ i * 512 + 256 }}u + t] = fma(f32(bl{{ i }}), 0.00390625, f32(bh{{ i }})) * unit{{ i }};
//% else
  parts[{{ i * 512 }}u + t] = (a{{ i }}.x + a{{ i }}.y) + (a{{ i }}.z + a{{ i }}.w);
  parts[{{ i * 512 + 256 }}u + t] = (b{{ i }}.x + b{{ i }}.y) + (b{{ i }}.z + b{{ i }}.w);
//% endif
//% endfor
{% endmacro %}

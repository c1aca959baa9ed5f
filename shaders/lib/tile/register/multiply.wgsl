// A tile of products in f32 registers, for every kernel that has one: a workgroup multiplies {{ bm }} x {{ bn }} results in slabs of {{ bk }},
// {{ tm }} x {{ tn }} a thread. Imported with bm bn bk tm tn; the text that calls these macros has `t` and a workgroup array `tile` of
// vec4<f32>, at least `slabs` long.
//   roles()       tx, ty: thread (tx, ty) has the rows ty + i TY of the left side and tx + j TX of the right, so that neighbours
//                 in a quarter of a subgroup read workgroup memory at odd strides of 16 bytes, without bank conflicts; lk: the
//                 group of four that it loads, of the rows t / k4 + u threads / k4
//   zeros()       the results c0_0 ...
//   stage()       the slab from the registers ra0 ... and rb0 ..., `loads_a` and `loads_b` of them, into workgroup memory
//   multiply()    the staged slab onto the results

{% set TX = bn // tn %}{% set TY = bm // tm %}{% set threads = TX * TY %}{% set k4 = bk // 4 %}{% set S = k4 + 1 %}
{% set loads_a = bm * k4 // threads %}{% set loads_b = bn * k4 // threads %}{% set slabs = (bm + bn) * S %}

{% macro roles() %}
  let tx = t % {{ TX }}u;
  let ty = t / {{ TX }}u;
  let lk = t % {{ k4 }}u;
{% endmacro %}

{% macro zeros() %}
//% for i in range(tm)
//% for j in range(tn)
  var c{{ i }}_{{ j }} = 0.0;
//% endfor
//% endfor
{% endmacro %}

{% macro stage() %}
//% for u in range(loads_a)
    tile[(t + {{ u * threads }}u) / {{ k4 }}u * {{ S }}u + lk] = ra{{ u }};
//% endfor
//% for u in range(loads_b)
    tile[{{ bm * S }}u + (t + {{ u * threads }}u) / {{ k4 }}u * {{ S }}u + lk] = rb{{ u }};
//% endfor
    workgroupBarrier();
{% endmacro %}

{% macro multiply() %}
//% for k in range(k4)
    {
//% for i in range(tm)
      let a{{ i }} = tile[(ty + {{ i * TY }}u) * {{ S }}u + {{ k }}u];
//% endfor
//% for j in range(tn)
      let b{{ j }} = tile[{{ bm * S }}u + (tx + {{ j * TX }}u) * {{ S }}u + {{ k }}u];
//% for e in ["x", "y", "z", "w"]
//% for i in range(tm)
      c{{ i }}_{{ j }} = fma(a{{ i }}.{{ e }}, b{{ j }}.{{ e }}, c{{ i }}_{{ j }});
//% endfor
//% endfor
//% endfor
    }
//% endfor
    workgroupBarrier();
{% endmacro %}

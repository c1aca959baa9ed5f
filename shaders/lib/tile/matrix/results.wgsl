// How the results of a tile of the matrix units are read, for its epilogues. Accumulators are opaque: they pass through the subgroup's
// scratch, one matrix at a time, which the lanes read in the order of its addresses, so that no two meet in a bank; that is why a row
// of it lies in {{ edge // (1 if scalar else 4) }} lanes. Larger scratch costs more than it saves: it takes a resident workgroup away.
//   rows(i)            y0 ...: the rows of the left side that this lane meets in the matrices c{i}_*
//   elements(i, j, visit)
//                      what this lane has of c{i}_{j}: visit(r, j, e) is a macro that gets each value as `value`, of row y{r} and,
//                      `e` behind it, of row `x` of the right side, which is number `column` of its matrix

{% import "lib/tile/matrix/shape.wgsl" as shape %}

{% macro rows(i) %}
//% for r in range(shape.each)
      let y{{ r }} = q0 + sy * {{ sm * shape.E }}u + {{ i * shape.E }}u + lane / {{ shape.row }}u + {{ r * (sg // shape.row) if sg >= shape.row else r }}u;
//% endfor
{% endmacro %}

{% macro elements(i, j, visit) %}
      coopStoreT(c{{ i }}_{{ j }}, &scratch[own], {{ shape.row }}u);
      workgroupBarrier();
//% for u in range(shape.items)
      {
        let v = scratch[own + lane + {{ u * sg }}u];
        let column = (lane + {{ u * sg }}u) % {{ shape.row }}u * {{ 4 // shape.unit }}u;
        let x = x0 + sx * 64u + {{ j * shape.E }}u + column;
//% for e in range(4 // shape.unit)
        {
          var value = v{{ "" if scalar else "." ~ ["x", "y", "z", "w"][e] }};
{{ visit(u * shape.lanes // shape.row, j, e) }}
        }
//% endfor
      }
//% endfor
      workgroupBarrier();
{% endmacro %}

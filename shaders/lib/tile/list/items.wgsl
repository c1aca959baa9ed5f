// The work on inverted lists as items, each a tile of {{ bm }} of the queries that probe a list by {{ bn }} of its rows. The text that imports this has `work`, `lists`
// and the parameters nlist, first_page and first_list as the kernels of lists bind them, and `memory`, a workgroup array that is free while an item is found: thread 0
// finds it, and tells the others through that memory, as halves of numbers, which f32 holds. Memory of its own for that may be what halves the workgroups that are resident.
//   tell(memory, i, a, b)   what thread 0 says
//   told(memory, i, a, b)   what all threads hear, between barriers: two variables of these names
//   find(memory)            the function find(item), for thread 0: tells pair and end of pairs (0), position and end of positions (1), the page of the first position
//                           and the pages of the list in earlier segments (2)

{% macro tell(memory, i, a, b) %}
//% if scalar
  {{ memory }}[{{ 4 * i }}] = f32({{ a }} >> 16u);
  {{ memory }}[{{ 4 * i + 1 }}] = f32({{ a }} & 0xffffu);
  {{ memory }}[{{ 4 * i + 2 }}] = f32({{ b }} >> 16u);
  {{ memory }}[{{ 4 * i + 3 }}] = f32({{ b }} & 0xffffu);
//% else
  {{ memory }}[{{ i }}] = vec4<f32>(f32({{ a }} >> 16u), f32({{ a }} & 0xffffu), f32({{ b }} >> 16u), f32({{ b }} & 0xffffu));
//% endif
{% endmacro %}

{% macro told(memory, i, a, b) %}
//% if scalar
    let {{ a }} = u32(workgroupUniformLoad(&{{ memory }}[{{ 4 * i }}])) << 16u | u32(workgroupUniformLoad(&{{ memory }}[{{ 4 * i + 1 }}]));
    let {{ b }} = u32(workgroupUniformLoad(&{{ memory }}[{{ 4 * i + 2 }}])) << 16u | u32(workgroupUniformLoad(&{{ memory }}[{{ 4 * i + 3 }}]));
//% else
    let told{{ i }} = workgroupUniformLoad(&{{ memory }}[{{ i }}]);
    let {{ a }} = u32(told{{ i }}.x) << 16u | u32(told{{ i }}.y);
    let {{ b }} = u32(told{{ i }}.z) << 16u | u32(told{{ i }}.w);
//% endif
{% endmacro %}

{% macro find(memory) %}
fn find(item: u32) {
  var list = 0u;
  var end = p.nlist;
  while (end - list > 1u) {
    let middle = (list + end) / 2u;
    if (work[middle].x <= item) { list = middle; } else { end = middle; }
  }
  let own = work[list];
  let pages = lists[p.first_list + list];
  let last = work[list + 1u].y;
  let tiles = (last - own.y + {{ bm - 1 }}u) / {{ bm }}u;
  let number = item - own.x;
  let page = pages.x - p.first_page;
  let pair = own.y + number % tiles * {{ bm }}u;
  let position = page * 64u + number / tiles * {{ bn }}u;
  let end_position = (page + pages.y) * 64u;
{{ tell(memory, 0, "pair", "last") }}
{{ tell(memory, 1, "position", "end_position") }}
{{ tell(memory, 2, "page", "pages.z") }}
}
{% endmacro %}

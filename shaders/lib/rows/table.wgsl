// The functions of identity.wgsl where the positions of a scan are listed: `row_table` has the row of each position of a segment, with
// its highest bit set where the position is empty and has only the row that is read in its place; `order_table` the number of each position of all, up to whole bins.

//% if "row" in maps
@group(0) @binding({{ slot() }}) var<storage, read> row_table: array<u32>;
fn row(i: u32) -> u32 { return row_table[i] & 0x7fffffffu; }
//% if "present" in maps
fn present(i: u32) -> bool { return row_table[i] < 0x80000000u; }
//% endif
//% endif
//% if "order" in maps
@group(0) @binding({{ slot() }}) var<storage, read> order_table: array<u32>;
fn order(i: u32) -> u32 { return order_table[i]; }
//% endif

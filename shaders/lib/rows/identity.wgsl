// Where the positions of a scan are the rows of a segment: position i is row i. Included with `maps`, which names those of the
// functions that the kernel calls.
//   row(i)      the row of the segment at position i of it: rows, biases and scales are by row, bins by position
//   present(i)  whether there is a row at position i of the segment: at all that there are
//   order(i)    the number that position i of all is reported by, and by which equal keys are ordered

//% if "row" in maps
fn row(i: u32) -> u32 { return i; }
//% endif
//% if "present" in maps
fn present(i: u32) -> bool { return true; }
//% endif
//% if "order" in maps
fn order(i: u32) -> u32 { return i; }
//% endif

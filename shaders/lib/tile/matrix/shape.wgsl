// What follows from the shape of a tile of the matrix units: edge bm bn bk sm sgm sgn pad sg threads scalar.

// Elements to a word of workgroup memory; groups of four in a row of a slab, and from one such row to the next with the padding;
// matrices that a subgroup has along its 64 rows of the right side.
{% set E = edge %}{% set unit = 4 if scalar else 1 %}{% set k4 = bk // 4 %}{% set ld = (bk + pad) // 4 %}{% set columns = 64 // E %}
// Groups that a thread loads of each side.
{% set loads_a = bm * k4 // threads %}{% set loads_b = bn * k4 // threads %}
// Words of a subgroup's scratch, those that a lane reads, lanes that share a row of it, rows that a lane meets.
{% set scratch = E * E * unit // 4 %}
{% set items = scratch // sg if sg < scratch else 1 %}{% set row = E * unit // 4 %}{% set lanes = sg if sg < row else row %}{% set each = items * lanes // row %}

// What follows from the shape of a register tile, bm x bn results in slabs of bk, tm x tn a thread.

// Threads along each side; groups of four in a row of a slab, and from one such row to the next in workgroup memory.
{% set TX = bn // tn %}{% set TY = bm // tm %}{% set threads = TX * TY %}{% set k4 = bk // 4 %}{% set S = k4 + 1 %}
// Groups that a thread loads of each side; groups of both slabs.
{% set loads_a = bm * k4 // threads %}{% set loads_b = bn * k4 // threads %}{% set slabs = (bm + bn) * S %}

// Constants shared by all kernels. Functions and constants only.

// Rows to a bin; the host's ops::BIN.
const BIN: u32 = 64u;
// Bias of a row that does not take part (filtered, deleted, padding); a score below half of it is no score.
const SENTINEL: f32 = -85070591730234615865843651857942052864.0; // -2^126
const NO_SCORE: f32 = -42535295865117307932921825928971026432.0; // -2^125
// Key of what is not a hit: sorts behind every key.
const NO_KEY: u32 = 0xffffffffu;

//! The stages of the binned scan: A scores all rows and keeps the best of each bin (`score`, as `method` decides by one of the kernels in
//! `rows`, `query_tables`, `tile`, `matrix`, `direct` and `bits`), B selects the bins that can hold a neighbour, C computes the exact distances of their rows
//! (both in `rescore`). `bound` says how far a score may be off, `direct` and `logs` the same of metrics whose distances
//! are no products, `threshold` what a radius says of scores, `settings` how the stages are to run.

pub(super) mod bits;
pub(super) mod bound;
pub(super) mod direct;
mod f16_queries;
pub(super) mod logs;
pub(super) mod matrix;
pub(super) mod method;
mod piece;
pub(super) mod query_tables;
pub(super) mod rescore;
mod rows;
pub(super) mod score;
pub(super) mod settings;
pub(super) mod threshold;
mod tile;

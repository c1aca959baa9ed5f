//! One file an operation: it checks shapes, picks a variant and encodes. No index knows a kernel, no kernel an index.

mod accumulation;
mod base;
mod bins;
mod bound;
mod bytes;
mod chunks;
mod dense;
mod exact_bins;
mod filter;
mod gather;
mod half;
mod mask;
mod matrix;
mod pairwise;
mod plan;
mod queries;
mod range;
mod reads;
mod rounded;
mod scan;
mod search;
mod stream;

pub(crate) use base::Base;
pub use pairwise::{normalise, pairwise, row_norms};
pub(crate) use range::submit_range;
pub(crate) use search::submit_search;
pub(crate) use stream::{ChunkFilter, Stream};

/// Rows to a bin of the scan; `shaders/common/params.wgsl` has it as well.
pub(crate) const BIN: u64 = 64;

#[cfg(test)]
mod tests;

//! Exact search over rows under a metric: the binned scan, and what answers where it does not apply.

mod accumulation;
mod dataset;
mod distance;
mod exact_bins;
mod filter;
mod pairwise;
mod params;
mod plan;
mod queries;
mod range;
mod reusable;
mod rounded;
mod rows;
mod scan;
mod search;
mod stream;

pub(crate) use dataset::Base;
pub use pairwise::{normalise, pairwise, row_norms};
pub(crate) use range::submit_range;
pub(crate) use search::submit_search;
pub(crate) use stream::{ChunkFilter, Stream};

#[cfg(test)]
mod tests;

//! Exact search over rows under a metric: the binned scan, and what answers where it does not apply.

mod accumulation;
mod custom;
mod dataset;
mod distance;
mod exact_bins;
mod filter;
mod hits;
mod kernels;
mod operand;
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
mod variants;

pub(crate) use dataset::Dataset;
pub use pairwise::pairwise;
pub(crate) use range::submit_range;
pub(crate) use search::submit_search;
pub(crate) use stream::{ChunkFilter, Stream};
pub(crate) use variants::variants;

#[cfg(test)]
mod tests;

//! One file an operation: it checks shapes, picks a variant and encodes. No index knows a kernel, no kernel an index.

mod accumulation;
mod base;
mod bins;
mod bound;
mod bytes;
mod check;
mod chunks;
mod dense;
mod exact_bins;
mod gather;
mod half;
mod mask;
mod matrix;
mod merge;
mod pairwise;
mod pending;
mod plan;
mod queries;
mod range;
mod reads;
mod request;
mod rounded;
mod scan;
mod search;
mod space;
mod stats;
mod stream;
mod thread;

pub(crate) use base::Base;
pub(crate) use mask::words as mask_words;
pub use pairwise::{normalise, pairwise, row_norms};
#[cfg(test)]
pub(crate) use pending::Job;
pub use pending::{CancelToken, Pending};
pub(crate) use range::submit_range;
pub(crate) use request::{Filter, Found, Options};
pub(crate) use search::submit_search;
pub use stats::{ExactStats, SearchStats, StageTime, StreamStats};
pub(crate) use stream::{ChunkFilter, Stream};

use crate::dtype::DType;
use std::borrow::Cow;

/// Rows to a bin of the scan; `shaders/common/params.wgsl` has it as well.
pub(crate) const BIN: u64 = 64;

/// Words that came back from the device.
pub(crate) fn words(bytes: &[u8]) -> Cow<'_, [u32]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(words) => Cow::Borrowed(words),
        // a vector of bytes may lie anywhere
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
    }
}

/// Steps from one row to the next as the shaders count: groups of four elements, of bits groups of 128.
pub(crate) fn stride4(stride_bytes: u32, dtype: DType) -> u32 {
    match dtype {
        DType::Bits => stride_bytes / 16,
        _ => stride_bytes / (dtype.bits() as u32 / 2),
    }
}

#[cfg(test)]
mod tests;

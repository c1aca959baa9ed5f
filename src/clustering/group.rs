//! Points in the order of their labels.

use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::Encoder;
use crate::ops::{histogram, prefix_sum, sort};

/// The points of a block by cluster, in each by number.
pub(super) struct Groups {
    pub order: Buffer,
    /// The place of the first of each cluster, and at last that behind the last.
    pub first: Buffer,
}

/// Encodes the order of `n` points whose labels are below `k`.
pub(super) fn by_label(encoder: &mut Encoder, labels: &Buffer, n: u32, k: u32) -> Result<Groups> {
    let counts = histogram::counts(encoder, labels, n, k)?;
    let first = prefix_sum::exclusive(encoder, &counts, k)?;
    let bits = u32::BITS - k.saturating_sub(1).leading_zeros();
    let sorted = sort::stable(encoder, labels, n, bits)?;
    Ok(Groups { order: sorted.order, first })
}

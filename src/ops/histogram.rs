//! How often keys occur.

use super::kernels::{self, Histogram, PRIVATE_BINS};
use super::words;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::{Encoder, fold};

/// The least keys of a workgroup.
const LEAST_KEYS: u32 = 4096;
/// Keys for each bin that a workgroup adds to the counts in the end, where it has counters of all.
const KEYS_A_BIN: u32 = 4;
/// The most workgroups with counters of all bins.
const MOST_GROUPS: u32 = 1024;
/// The most counters of a bin in a workgroup.
const MOST_COPIES: u32 = 16;

/// Encodes how often each key below `bins` occurs among `n` keys; those that are not below it do not count.
///
/// # Errors
/// `LimitExceeded` for more than 2^31 keys, or more keys or bins than a binding holds.
pub(crate) fn counts(encoder: &mut Encoder, keys: &Buffer, n: u32, bins: u32) -> Result<Buffer> {
    words::check(keys, n)?;
    let counts = encoder.gpu().scratch("counts", u64::from(bins) * 4)?;
    encoder.clear(&counts);
    if n == 0 || bins == 0 {
        return Ok(counts);
    }
    let private = bins <= PRIVATE_BINS;
    let length = if private {
        n.div_ceil(MOST_GROUPS).max(bins * KEYS_A_BIN).max(LEAST_KEYS).next_multiple_of(2048)
    } else {
        LEAST_KEYS
    };
    let copies = if private { 1 << (PRIVATE_BINS / bins).min(MOST_COPIES).ilog2() } else { 1 };
    let groups = fold(encoder.gpu(), n.div_ceil(length).into())?;
    let params = Histogram { n, bins, copies, length, groups_x: groups[0] };
    let buffers = [("keys", keys), ("counts", &counts)];
    encoder.dispatch(&kernels::histogram(private), &buffers, &params, [groups[0], groups[1], 1])?;
    Ok(counts)
}

//! Prefix sums of u32. Where one workgroup is too slow, the values are cut in blocks: the sums of the blocks, the prefix sums of those,
//! and from there those of each block. No workgroup waits for another, and the sums are integers: they are the same each time.

use super::kernels::{self, BlockSums, PrefixSums, SUM_TILE};
use super::words;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::Encoder;

/// The most sums that one workgroup makes alone: three dispatches take longer than its four rounds.
const ALONE: u32 = 4 * SUM_TILE;

/// The most blocks: their sums are one round of a workgroup.
const MOST_BLOCKS: u32 = SUM_TILE;

/// Encodes the sums of the values before each of `n`, and at last of all of them: n + 1 sums, modulo 2^32. Whoever needs more knows how
/// large the values are, and checks that on the host.
///
/// # Errors
/// `LimitExceeded` for more than 2^31 values, or more than a binding holds.
pub(crate) fn exclusive(encoder: &mut Encoder, values: &Buffer, n: u32) -> Result<Buffer> {
    words::check(values, n)?;
    let end = n + 1;
    let sums = encoder.gpu().scratch("prefix sums", u64::from(end) * 4)?;
    if n == 0 {
        encoder.clear(&sums);
        return Ok(sums);
    }
    if end <= ALONE {
        let params = PrefixSums { n, end, length: end };
        encode(encoder, values, None, &sums, &params)?;
        return Ok(sums);
    }
    let length = end.div_ceil(MOST_BLOCKS).next_multiple_of(SUM_TILE);
    let blocks = end.div_ceil(length);
    let gpu = encoder.gpu().clone();
    let of_blocks = gpu.scratch("block sums", u64::from(blocks) * 4)?;
    let buffers = [("values", values), ("sums", &of_blocks)];
    let params = BlockSums { n, length };
    encoder.dispatch(&kernels::block_sums(), &buffers, &params, [blocks, 1, 1])?;
    let base = gpu.scratch("block bases", u64::from(blocks) * 4)?;
    let params = PrefixSums { n: blocks, end: blocks, length: blocks };
    encode(encoder, &of_blocks, None, &base, &params)?;
    encode(encoder, values, Some(&base), &sums, &PrefixSums { n, end, length })?;
    Ok(sums)
}

/// Encodes the prefix sums of each of `rows` rows of `length` values, at most 65,535 of them: the last of a row is the sum of all but its
/// last value, which may be anything.
pub(super) fn of_rows(
    encoder: &mut Encoder,
    values: &Buffer,
    rows: u32,
    length: u32,
) -> Result<Buffer> {
    let n = rows * length;
    let sums = encoder.gpu().scratch("prefix sums", u64::from(n) * 4)?;
    encode(encoder, values, None, &sums, &PrefixSums { n, end: n, length })?;
    Ok(sums)
}

/// Encodes a workgroup for each row.
fn encode(
    encoder: &mut Encoder,
    values: &Buffer,
    base: Option<&Buffer>,
    sums: &Buffer,
    params: &PrefixSums,
) -> Result<()> {
    let mut buffers = vec![("values", values), ("sums", sums)];
    buffers.extend(base.map(|base| ("base", base)));
    let rows = params.end.div_ceil(params.length);
    encoder.dispatch(&kernels::prefix_sums(base.is_some()), &buffers, params, [rows, 1, 1])
}

//! Sorts u32 keys by digits of up to eight bits, the lowest first. For each digit three dispatches: how often each of its values occurs
//! in each block of keys, how many keys come before those of a block, and each block's keys to their places. No workgroup waits for
//! another, and keys that are equal stay in their order: the result is one and the same.

use super::kernels::{self, Digits, GatherWords, SORT_BLOCK, SegmentNumbers};
use super::{prefix_sum, words};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold};

/// The most bits of a digit: a thread of 256 has one of its values.
const DIGIT: u32 = 8;
/// Words that a workgroup copies by number.
const COPIED: u64 = 1024;

/// Keys in their order, and what went along with them.
pub(crate) struct Sorted {
    pub keys: Buffer,
    /// Where the i-th key came from, or the value that was given with it.
    pub order: Buffer,
}

/// Encodes the stable sort of `n` keys by their lowest `bits` bits; the bits above stay and decide nothing.
///
/// # Errors
/// `LimitExceeded` for more than 2^31 keys, or more than a binding holds; `Internal` for more than 32 bits.
pub(crate) fn stable(encoder: &mut Encoder, keys: &Buffer, n: u32, bits: u32) -> Result<Sorted> {
    stable_with(encoder, keys, None, n, bits)
}

/// [`stable`] with a value for each key, which goes where the key goes; without them the number of the key.
pub(crate) fn stable_with(
    encoder: &mut Encoder,
    keys: &Buffer,
    values: Option<&Buffer>,
    n: u32,
    bits: u32,
) -> Result<Sorted> {
    if bits > u32::BITS {
        return Err(Error::internal(format!("a sort by {bits} bits of u32")));
    }
    words::check(keys, n)?;
    values.map_or(Ok(()), |values| words::check(values, n))?;
    // without bits to sort by, one pass of one digit that is 0 copies the keys
    let passes = bits.div_ceil(DIGIT).max(1);
    let digit = bits.div_ceil(passes);
    let mut sorted: Option<Sorted> = None;
    for pass in 0..passes {
        let shift = pass * digit;
        let mask = (1 << digit.min(bits - shift)) - 1;
        let from = match &sorted {
            None => (keys, values),
            Some(sorted) => (&sorted.keys, Some(&sorted.order)),
        };
        // the buffers of the pass before the last return to the pool when this is submitted
        sorted = Some(by_digit(encoder, from, n, shift, mask)?);
    }
    sorted.ok_or_else(|| Error::internal("a sort without a pass"))
}

/// Encodes the stable sort by `key >> shift & mask`, which is below 256.
fn by_digit(
    encoder: &mut Encoder,
    (keys, values): (&Buffer, Option<&Buffer>),
    n: u32,
    shift: u32,
    mask: u32,
) -> Result<Sorted> {
    let gpu = encoder.gpu().clone();
    let bytes = u64::from(n) * 4;
    let out = Sorted { keys: gpu.scratch("keys", bytes)?, order: gpu.scratch("order", bytes)? };
    if n == 0 {
        return Ok(out);
    }
    let blocks = n.div_ceil(SORT_BLOCK);
    let [x, y] = fold(&gpu, blocks.into())?;
    let params = Digits { n, shift, mask, stride: blocks + 1, groups_x: x };
    let counts = gpu.scratch("digits", u64::from(mask + 1) * u64::from(params.stride) * 4)?;
    let buffers = [("keys", keys), ("counts", &counts)];
    encoder.dispatch(&kernels::count_digits(), &buffers, &params, [x, y, 1])?;
    let starts = prefix_sum::of_rows(encoder, &counts, mask + 1, params.stride)?;
    let mut buffers = vec![("keys", keys), ("starts", &starts)];
    buffers.extend([("out_keys", &out.keys), ("out_values", &out.order)]);
    buffers.extend(values.map(|values| ("values", values)));
    let variant = kernels::place_digits(values.is_some());
    encoder.dispatch(&variant, &buffers, &params, [x, y, 1])?;
    Ok(out)
}

/// The segments that elements are in.
#[derive(Clone, Copy)]
pub(crate) enum Segments<'a> {
    /// Where each begins, from 0 on, and behind the last where this ends: one more than there are segments. Some may be empty.
    Offsets(&'a Buffer),
    /// The number of each element's segment.
    Numbers(&'a Buffer),
}

/// Segments one after the other, each sorted.
pub(crate) struct SortedSegments {
    /// The number of each element's segment, which ascends.
    pub segments: Buffer,
    pub keys: Buffer,
    /// Where the i-th element came from.
    pub order: Buffer,
}

/// Encodes the stable sort of `n` elements by their segments, which are `count`, and within each by the lowest `bits` bits of their keys.
///
/// # Errors
/// As [`stable`]; `Internal` for elements without segments.
pub(crate) fn segmented(
    encoder: &mut Encoder,
    keys: &Buffer,
    n: u32,
    bits: u32,
    segments: Segments<'_>,
    count: u32,
) -> Result<SortedSegments> {
    if count == 0 && n > 0 {
        return Err(Error::internal(format!("{n} elements in no segment")));
    }
    match segments {
        Segments::Offsets(offsets) => words::check(offsets, count.saturating_add(1))?,
        Segments::Numbers(numbers) => words::check(numbers, n)?,
    }
    let by_key = stable(encoder, keys, n, bits)?;
    let numbers = match segments {
        Segments::Offsets(offsets) => numbers_of(encoder, offsets, count, &by_key.order, n)?,
        Segments::Numbers(numbers) => gathered(encoder, numbers, &by_key.order, n)?,
    };
    let segment_bits = u32::BITS - count.saturating_sub(1).leading_zeros();
    let sorted = stable_with(encoder, &numbers, Some(&by_key.order), n, segment_bits)?;
    let keys = gathered(encoder, keys, &sorted.order, n)?;
    Ok(SortedSegments { segments: sorted.keys, keys, order: sorted.order })
}

/// Encodes `values[places[i]]` for each of `n` places.
pub(crate) fn gathered(
    encoder: &mut Encoder,
    values: &Buffer,
    places: &Buffer,
    n: u32,
) -> Result<Buffer> {
    words::check(places, n)?;
    let out = encoder.gpu().scratch("gathered", u64::from(n) * 4)?;
    if n > 0 {
        let [x, y] = fold(encoder.gpu(), u64::from(n).div_ceil(COPIED))?;
        let buffers = [("values", values), ("places", places), ("out", &out)];
        let params = GatherWords { n, groups_x: x };
        encoder.dispatch(&kernels::gather_words(), &buffers, &params, [x, y, 1])?;
    }
    Ok(out)
}

/// Encodes the segment of each of `n` elements.
fn numbers_of(
    encoder: &mut Encoder,
    offsets: &Buffer,
    count: u32,
    places: &Buffer,
    n: u32,
) -> Result<Buffer> {
    let out = encoder.gpu().scratch("segments", u64::from(n) * 4)?;
    if n > 0 {
        let [x, y] = fold(encoder.gpu(), u64::from(n).div_ceil(COPIED))?;
        let buffers = [("offsets", offsets), ("places", places), ("out", &out)];
        let params = SegmentNumbers { n, count, groups_x: x };
        encoder.dispatch(&kernels::segment_numbers(), &buffers, &params, [x, y, 1])?;
    }
    Ok(out)
}

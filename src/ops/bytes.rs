//! The kernel that rounds rows to 8 bits, each row by a scale of its own.

use super::BIN;
use super::half::Source;
use super::rounded::RoundedPart;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Params {
    first: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    out_stride4: u32,
    groups_x: u32,
}

/// Bytes of a row of the copy.
pub(super) fn row_bytes(dim: usize) -> u64 {
    dim.next_multiple_of(16) as u64
}

/// Encodes the copy of rows into `out`.
pub(super) fn copy(encoder: &mut Encoder, source: &Source<'_>, out: &RoundedPart) -> Result<()> {
    let bins = u64::from(source.last).div_ceil(BIN) - u64::from(source.first) / BIN;
    let groups = fold(encoder.gpu(), bins)?;
    let params = Params {
        first: source.first,
        n: source.last,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4: out.stride4,
        groups_x: groups[0],
    };
    let scale = out.scale.as_ref().ok_or_else(|| Error::internal("8-bit rows without scales"))?;
    let mut buffers = vec![source.rows, &out.buffer, scale];
    buffers.extend(source.scale);
    let variant = registry::byte_copy(source.dtype, source.scale.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

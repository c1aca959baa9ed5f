//! Rows rounded to f16, scaled by a power of two.

use super::part::{RoundedPart, Source};
use crate::error::Result;
use crate::exact::kernels;
use crate::exact::params::F16Copy;
use crate::kernel::{DEPTH, Encoder, fold};

/// Elements of a row of the copy: whole slabs of every tile.
pub(crate) fn depth(dim: usize) -> u32 {
    dim.next_multiple_of(DEPTH as usize) as u32
}

/// Bytes of a row of the copy.
pub(crate) fn row_bytes(dim: usize) -> u64 {
    u64::from(depth(dim)) * 2
}

/// Encodes the copy of rows into `out`, scaled and padded.
pub(crate) fn copy(encoder: &mut Encoder, source: &Source<'_>, out: &RoundedPart) -> Result<()> {
    let words = u64::from(source.end - source.first) * u64::from(out.stride4);
    let groups = fold(encoder.gpu(), words.div_ceil(256))?;
    let params = F16Copy {
        first: source.first,
        last: source.last,
        end: source.end,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4: out.stride4,
        groups_x: groups[0],
        factor: out.factor,
        dim: source.dim as u32,
    };
    let mut buffers = vec![("rows", source.rows), ("copy", &out.buffer)];
    buffers.extend(source.scale.map(|scale| ("scale", scale)));
    let variant = kernels::f16_copy(source.dtype, source.scale.is_some(), source.logs);
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

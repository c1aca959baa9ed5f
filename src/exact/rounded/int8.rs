//! Rows rounded to 8 bits, each by a scale of its own.

use super::part::{RoundedPart, Source};
use crate::error::{Error, Result};
use crate::exact::kernels;
use crate::exact::params::Int8Copy;
use crate::kernel::Encoder;

/// The largest dimension whose sums of products stay within 32 bits.
pub(crate) const MAX_DIM: usize = 65_536;

/// Bytes of a row of the copy.
pub(crate) fn row_bytes(dim: usize) -> u64 {
    dim.next_multiple_of(16) as u64
}

/// Encodes the copy of rows into `out`.
pub(crate) fn copy(encoder: &mut Encoder, source: &Source<'_>, out: &RoundedPart) -> Result<()> {
    let bins = source.by_bin(encoder.gpu())?;
    let params = Int8Copy {
        first: source.first,
        n: source.last,
        k4: bins.k4,
        stride4: source.stride4,
        out_stride4: out.stride4,
        groups_x: bins.groups[0],
    };
    let scale = out.scale.as_ref().ok_or_else(|| Error::internal("8-bit rows without scales"))?;
    let mut buffers = vec![("rows", source.rows), ("copy", &out.buffer), ("copy_scale", scale)];
    buffers.extend(source.scale.map(|scale| ("scale", scale)));
    let variant = kernels::int8_copy(source.dtype, source.scale.is_some());
    encoder.dispatch(&variant, &buffers, &params, bins.groups)
}

//! The kernels that round rows to f16, scaled by a power of two, and that measure what was lost from the stored bits.

use crate::buffer::{Buffer, Segment};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::dataset::{Base, Part};
use crate::exact::params::BIN;
use crate::exact::rounded::copies::RoundedPart;
use crate::kernel::registry::{DEPTH, Lost};
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

/// Segments are padded to whole tiles.
pub(crate) const TILE_ROWS: u32 = 256;

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct CopyParams {
    first: u32,
    last: u32,
    end: u32,
    k4: u32,
    stride4: u32,
    out_stride4: u32,
    groups_x: u32,
    factor: f32,
}

/// What a kernel needs that goes through rows and their copy bin by bin.
#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
pub(crate) struct ByBin {
    first: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    out_stride4: u32,
    groups_x: u32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct ResidualParams {
    rows: ByBin,
    first_bin: u32,
    inverse: f32,
}

/// The power of two that brings `largest` into [2^13, 2^14), so far as the product of two of them stays within f32.
pub(crate) fn factor(largest: f32) -> f32 {
    if largest == 0.0 {
        return 1.0;
    }
    let exponent = 13 - largest.log2().floor() as i32;
    2f32.powi(exponent.clamp(-60, 60))
}

/// Elements of a row of the copy: whole slabs of every tile.
pub(crate) fn depth(dim: usize) -> u32 {
    dim.next_multiple_of(DEPTH as usize) as u32
}

/// Bytes of a row of the copy.
pub(crate) fn row_bytes(dim: usize) -> u64 {
    u64::from(depth(dim)) * 2
}

/// f32 or other rows that are to be copied.
pub(crate) struct Source<'a> {
    pub rows: &'a Buffer,
    pub dtype: DType,
    pub stride4: u32,
    pub dim: usize,
    /// Multiplied in, a number a row (cosine).
    pub scale: Option<&'a Buffer>,
    /// Rows to copy: from, to; zeros follow up to `end`.
    pub first: u32,
    pub last: u32,
    pub end: u32,
}

impl<'a> Source<'a> {
    /// The rows of a segment from `first` on, and zeros up to whole tiles.
    pub fn of(base: &Base, segment: &'a Segment, part: &'a Part, first: u32) -> Source<'a> {
        Source {
            rows: segment.buffer(),
            dtype: base.work().dtype(),
            stride4: base.work().dtype().stride4(segment.stride_bytes()),
            dim: base.work().dim(),
            scale: part.scale.as_ref(),
            first,
            last: segment.rows(),
            end: segment.rows().next_multiple_of(TILE_ROWS),
        }
    }

    /// For a kernel that has a workgroup for each bin: its parameters, and how many workgroups.
    pub fn by_bin(&self, gpu: &Gpu, copy: &RoundedPart) -> Result<(ByBin, [u32; 3])> {
        let bins = u64::from(self.last).div_ceil(BIN) - u64::from(self.first) / BIN;
        let groups = fold(gpu, bins)?;
        let params = ByBin {
            first: self.first,
            n: self.last,
            k4: self.dim.div_ceil(4) as u32,
            stride4: self.stride4,
            out_stride4: copy.stride4,
            groups_x: groups[0],
        };
        Ok((params, [groups[0], groups[1], 1]))
    }
}

/// Encodes the copy of rows into `out`, scaled and padded.
pub(crate) fn copy(encoder: &mut Encoder, source: &Source<'_>, out: &RoundedPart) -> Result<()> {
    let words = u64::from(source.end - source.first) * u64::from(out.stride4);
    let groups = fold(encoder.gpu(), words.div_ceil(256))?;
    let params = CopyParams {
        first: source.first,
        last: source.last,
        end: source.end,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4: out.stride4,
        groups_x: groups[0],
        factor: out.factor,
    };
    let mut buffers = vec![source.rows, &out.buffer];
    buffers.extend(source.scale);
    let variant = registry::half_copy(source.dtype, source.scale.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

/// Encodes what a copy lost, or rows themselves may lose: of each bin of the index from `first_bin` on, or of each row.
pub(crate) fn residuals(
    encoder: &mut Encoder,
    source: &Source<'_>,
    copy: &RoundedPart,
    rest: &Buffer,
    first_bin: u32,
    lost: Lost,
) -> Result<()> {
    let (rows, groups) = source.by_bin(encoder.gpu(), copy)?;
    let params = ResidualParams { rows, first_bin, inverse: 1.0 / copy.factor };
    let mut buffers = vec![source.rows, rest];
    if lost != Lost::Own {
        buffers.push(&copy.buffer);
    }
    buffers.extend(&copy.scale);
    buffers.extend(source.scale);
    let variant = registry::residual(source.dtype, source.scale.is_some(), lost);
    encoder.dispatch(&variant, &buffers, &params, groups)
}

//! The rounded copy of the rows that the matrix units multiply: f16, scaled by a power of two, with a record of what the
//! rounding lost.

use super::base::Base;
use super::{BIN, space, stride4};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

/// Rows are padded to whole slabs of every tile, and segments to whole tiles.
const DEPTH: usize = 32;
const TILE_ROWS: u32 = 256;
/// Below this dimension most of a slab would be padding.
const MIN_DIM: usize = 16;

/// The copy of all segments.
#[derive(Clone)]
pub(crate) struct HalfCopy {
    parts: Vec<HalfPart>,
    /// Largest |x - x'| of each bin of the index.
    bin_rest: Buffer,
    /// Elements of a row, padding included.
    pub depth: u32,
}

/// The copy of one segment.
#[derive(Clone)]
pub(crate) struct HalfPart {
    pub buffer: Buffer,
    /// x' = f16(x factor), a power of two.
    pub factor: f32,
    capacity: u32,
}

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

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct ResidualParams {
    first: u32,
    n: u32,
    k4: u32,
    stride4: u32,
    out_stride4: u32,
    groups_x: u32,
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

/// Whether searches of such rows would use a copy.
pub(crate) fn serves(base: &Base) -> Result<bool> {
    let wanted = base.copies() && base.gpu().profile().u32("matrix", "copy")? != 0;
    let scans = space::scan_family(base.metric()).is_some();
    Ok(wanted && scans && base.work().dim() >= MIN_DIM)
}

/// Bytes of a row of the copy.
pub(crate) fn row_bytes(dim: usize) -> u64 {
    dim.next_multiple_of(DEPTH) as u64 * 2
}

impl HalfCopy {
    /// Room for the copy of `rows` rows of one segment.
    pub fn with_room(base: &Base, rows: u32) -> Result<HalfCopy> {
        let capacity = rows.next_multiple_of(TILE_ROWS);
        let bytes = u64::from(capacity) * row_bytes(base.work().dim());
        let buffer = base.gpu().alloc("f16 copy", bytes)?;
        let bins = u64::from(rows).div_ceil(BIN) * 4;
        let bin_rest = base.gpu().alloc("f16 residuals", bins.next_multiple_of(256))?;
        let depth = base.work().dim().next_multiple_of(DEPTH) as u32;
        Ok(HalfCopy { parts: vec![HalfPart { buffer, factor: 1.0, capacity }], bin_rest, depth })
    }

    /// The copy of `base` from that of the same base before rows `first..` came; `None` where it does not pay.
    pub fn extended(base: &Base, old: Option<&HalfCopy>, first: u64) -> Result<Option<HalfCopy>> {
        if !serves(base)? || base.len() == 0 {
            return Ok(None);
        }
        match HalfCopy::build(base, old, first, None) {
            // The copy is for speed: without room for it the search is as exact.
            Err(Error::OutOfDeviceMemory { .. }) => {
                log::warn!("no device memory for the f16 copy: searching in f32");
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// The copy of `base` after a row of segment `at` was replaced.
    pub fn replaced(base: &Base, old: Option<&HalfCopy>, at: usize) -> Result<Option<HalfCopy>> {
        old.map(|old| HalfCopy::build(base, Some(old), u64::MAX, Some(at))).transpose()
    }

    pub fn part(&self, at: usize) -> Option<&HalfPart> {
        self.parts.get(at)
    }

    /// The smallest factor of all segments.
    pub fn smallest_factor(&self) -> f32 {
        self.parts.iter().map(|p| p.factor).fold(f32::MAX, f32::min)
    }

    pub fn bin_rest(&self) -> &Buffer {
        &self.bin_rest
    }

    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|p| p.buffer.size()).sum::<u64>() + self.bin_rest.size()
    }

    fn build(
        base: &Base,
        old: Option<&HalfCopy>,
        first: u64,
        replaced: Option<usize>,
    ) -> Result<HalfCopy> {
        let gpu = base.gpu();
        let depth = base.work().dim().next_multiple_of(DEPTH) as u32;
        let scaled = matches!(space::scan_family(base.metric()), Some((_, true)));
        // rows of cosine are normalised
        let wanted = factor(if scaled { 1.0 } else { base.facts().largest });
        let mut encoder = Encoder::new(gpu, "f16 copy", false)?;
        let bins = base.bins() * 4;
        let bin_rest = match old {
            // Bounds may only grow for the snapshots that share them, so that appends write in place.
            Some(old) if old.bin_rest.size() >= bins && replaced.is_none() => old.bin_rest.clone(),
            _ => {
                let had = old.map_or(0, |o| o.bin_rest.size());
                let grown = gpu.alloc("f16 residuals", bins.max(had * 2).next_multiple_of(256))?;
                encoder.clear(&grown);
                if let Some(old) = old {
                    encoder.copy(&old.bin_rest, 0, &grown, 0, had);
                }
                grown
            }
        };
        let mut parts = Vec::new();
        for (at, (segment, part)) in base.segments().enumerate() {
            let end = segment.first_row() + u64::from(segment.rows());
            let before = old.and_then(|o| o.part(at));
            let in_place = before.filter(|b| {
                // an older segment keeps its own scale while its rows fit; one without rows takes any
                let same = b.factor == wanted || end <= first || first <= segment.first_row();
                replaced != Some(at)
                    && same
                    && b.capacity >= segment.rows().next_multiple_of(TILE_ROWS)
            });
            let (half, from) = match in_place {
                Some(b) if end <= first => {
                    parts.push(b.clone());
                    continue;
                }
                Some(b) => {
                    let from = first.saturating_sub(segment.first_row()) as u32;
                    (HalfPart { factor: wanted, ..b.clone() }, from)
                }
                None => {
                    let capacity = segment.capacity().next_multiple_of(TILE_ROWS);
                    let bytes = u64::from(capacity) * u64::from(depth) * 2;
                    let buffer = gpu.alloc("f16 copy", bytes)?;
                    (HalfPart { buffer, factor: wanted, capacity }, 0)
                }
            };
            let source = Source {
                rows: segment.buffer(),
                dtype: base.work().dtype(),
                stride4: stride4(segment.stride_bytes(), base.work().dtype()),
                dim: base.work().dim(),
                scale: part.scale.as_ref(),
                first: from,
                last: segment.rows(),
                end: segment.rows().next_multiple_of(TILE_ROWS),
            };
            copy(&mut encoder, &source, &half.buffer, depth, half.factor)?;
            let first_bin = (segment.first_row() / BIN) as u32;
            let made = (&half.buffer, depth, half.factor);
            residuals(&mut encoder, &source, made, &bin_rest, first_bin, false)?;
            parts.push(half);
        }
        encoder.submit(&[])?;
        Ok(HalfCopy { parts, bin_rest, depth })
    }
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

/// Encodes the copy of rows, scaled by `factor` and padded to `depth`.
pub(crate) fn copy(
    encoder: &mut Encoder,
    source: &Source<'_>,
    out: &Buffer,
    depth: u32,
    factor: f32,
) -> Result<()> {
    let out_stride4 = depth / 4;
    let words = u64::from(source.end - source.first) * u64::from(out_stride4);
    let groups = fold(encoder.gpu(), words.div_ceil(256))?;
    let params = CopyParams {
        first: source.first,
        last: source.last,
        end: source.end,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4,
        groups_x: groups[0],
        factor,
    };
    let mut buffers = vec![source.rows, out];
    buffers.extend(source.scale);
    let variant = registry::half_copy(source.dtype, source.scale.is_some());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

/// Encodes what a copy lost: of each bin of the index from `first_bin` on, or of `each` row.
pub(crate) fn residuals(
    encoder: &mut Encoder,
    source: &Source<'_>,
    (out, depth, factor): (&Buffer, u32, f32),
    rest: &Buffer,
    first_bin: u32,
    each: bool,
) -> Result<()> {
    let bins = u64::from(source.last).div_ceil(BIN) - u64::from(source.first) / BIN;
    let groups = fold(encoder.gpu(), bins)?;
    let params = ResidualParams {
        first: source.first,
        n: source.last,
        k4: source.dim.div_ceil(4) as u32,
        stride4: source.stride4,
        out_stride4: depth / 4,
        groups_x: groups[0],
        first_bin,
        inverse: 1.0 / factor,
    };
    let mut buffers = vec![source.rows, out, rest];
    buffers.extend(source.scale);
    let variant = registry::residual(source.dtype, source.scale.is_some(), each);
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

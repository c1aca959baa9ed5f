//! The rounded copy of the rows that the matrix units multiply: f16, scaled by a power of two, with a record of what the
//! rounding lost.

use super::base::{Base, Part};
use super::{BIN, space, stride4};
use crate::buffer::{Buffer, Segment};
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

/// The power of two that brings `largest` into [2^13, 2^14), within what f32 can undo.
pub(crate) fn factor(largest: f32) -> f32 {
    if largest == 0.0 {
        return 1.0;
    }
    let exponent = 13 - largest.log2().floor() as i32;
    2f32.powi(exponent.clamp(-100, 100))
}

impl HalfCopy {
    /// The copy of `base` from that of the same base before rows `first..` came; `None` where it does not pay.
    pub fn extended(base: &Base, old: Option<&HalfCopy>, first: u64) -> Result<Option<HalfCopy>> {
        let wanted = base.gpu().profile().u32("matrix", "copy")? != 0;
        let dim = base.work().dim();
        let family = space::scan_family(base.metric());
        if !wanted || family.is_none() || dim < MIN_DIM || base.len() == 0 {
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
                // an older segment keeps its own scale while its rows fit
                let same = b.factor == wanted || end <= first;
                replaced != Some(at)
                    && same
                    && b.capacity >= segment.rows().next_multiple_of(TILE_ROWS)
            });
            let (half, from) = match in_place {
                Some(b) if end <= first => {
                    parts.push(b.clone());
                    continue;
                }
                Some(b) => (b.clone(), first.saturating_sub(segment.first_row()) as u32),
                None => {
                    let capacity = segment.capacity().next_multiple_of(TILE_ROWS);
                    let bytes = u64::from(capacity) * u64::from(depth) * 2;
                    let buffer = gpu.alloc("f16 copy", bytes)?;
                    (HalfPart { buffer, factor: wanted, capacity }, 0)
                }
            };
            half.write(&mut encoder, base, segment, part, &bin_rest, depth, from)?;
            parts.push(half);
        }
        encoder.submit(&[])?;
        Ok(HalfCopy { parts, bin_rest, depth })
    }
}

impl HalfPart {
    /// Encodes the copy of rows `from..` of a segment, and what it lost.
    #[allow(clippy::too_many_arguments)] // one call, one shape
    fn write(
        &self,
        encoder: &mut Encoder,
        base: &Base,
        segment: &Segment,
        part: &Part,
        bin_rest: &Buffer,
        depth: u32,
        from: u32,
    ) -> Result<()> {
        let dtype = base.work().dtype();
        let scaled = part.scale.is_some();
        let k4 = base.work().dim().div_ceil(4) as u32;
        let stride4 = stride4(segment.stride_bytes(), dtype);
        let out_stride4 = depth / 4;
        let end = segment.rows().next_multiple_of(TILE_ROWS);
        let groups =
            fold(base.gpu(), (u64::from(end - from) * u64::from(out_stride4)).div_ceil(256))?;
        let params = CopyParams {
            first: from,
            last: segment.rows(),
            end,
            k4,
            stride4,
            out_stride4,
            groups_x: groups[0],
            factor: self.factor,
        };
        let mut buffers = vec![segment.buffer(), &self.buffer];
        buffers.extend(&part.scale);
        let variant = registry::half_copy(dtype, scaled);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])?;

        let bins = u64::from(segment.rows()).div_ceil(BIN) - u64::from(from) / BIN;
        let groups = fold(base.gpu(), bins)?;
        let params = ResidualParams {
            first: from,
            n: segment.rows(),
            k4,
            stride4,
            out_stride4,
            groups_x: groups[0],
            first_bin: (segment.first_row() / BIN) as u32,
            inverse: 1.0 / self.factor,
        };
        let mut buffers = vec![segment.buffer(), &self.buffer, bin_rest];
        buffers.extend(&part.scale);
        let variant = registry::residual(dtype, scaled);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
    }
}

//! The rows as the matrix units multiply them in f16, and as few queries read them: a copy that is scaled by a power of two
//! and rounded, or, where every element is an f16 anyway, the rows themselves. With a record of what is lost.

use super::base::{Base, Part};
use super::{BIN, matrix, space, stride4};
use crate::buffer::{Buffer, Segment};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::registry::{DEPTH, Operand};
use crate::kernel::{Encoder, fold, registry};
use bytemuck::NoUninit;

/// Segments are padded to whole tiles.
const TILE_ROWS: u32 = 256;
/// Below this dimension most of a slab would be padding.
const MIN_DIM: usize = 16;

/// All segments.
#[derive(Clone)]
pub(crate) struct HalfRows {
    /// A copy, or the rows as they are.
    pub operand: Operand,
    parts: Vec<HalfPart>,
    /// Largest |x - x'| of each bin of the index.
    bin_rest: Buffer,
}

/// One segment.
#[derive(Clone)]
pub(crate) struct HalfPart {
    pub buffer: Buffer,
    /// From one row to the next, in groups of four elements.
    pub stride4: u32,
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

/// What searches of such rows read in the place of the rows as f32, if anything.
pub(crate) fn operand(base: &Base) -> Result<Option<Operand>> {
    if space::scan_family(base.metric()).is_none() || base.work().dim() < MIN_DIM {
        return Ok(None);
    }
    let gpu = base.gpu();
    let copied = gpu.profile().u32("matrix", "copy")? != 0;
    Ok(match base.work().dtype() {
        dtype @ (DType::F16 | DType::I8 | DType::U8) => {
            let multiplied = matrix::of(gpu, DType::F16)?.is_some();
            (copied || multiplied).then_some(Operand::Rows(dtype))
        }
        _ => (copied && base.copies()).then_some(Operand::Half),
    })
}

/// Whether such rows would be copied.
pub(crate) fn copies(base: &Base) -> Result<bool> {
    Ok(operand(base)? == Some(Operand::Half))
}

/// Elements of a row of the copy: whole slabs of every tile.
pub(crate) fn depth(dim: usize) -> u32 {
    dim.next_multiple_of(DEPTH as usize) as u32
}

/// Bytes of a row of the copy.
pub(crate) fn row_bytes(dim: usize) -> u64 {
    u64::from(depth(dim)) * 2
}

impl HalfRows {
    /// For `rows` rows of one segment, which are to come.
    pub fn with_room(base: &Base, rows: u32) -> Result<Option<HalfRows>> {
        let Some(operand) = operand(base)? else { return Ok(None) };
        let bins = u64::from(rows).div_ceil(BIN) * 4;
        let bin_rest = base.gpu().alloc("f16 residuals", bins.next_multiple_of(256))?;
        let parts = base.work().segments().iter().map(|segment| match operand {
            Operand::Half => HalfPart::copied(base, segment, 1.0),
            Operand::Rows(dtype) => Ok(HalfPart::stored(segment, dtype)),
        });
        Ok(Some(HalfRows { operand, parts: parts.collect::<Result<_>>()?, bin_rest }))
    }

    /// Those of `base` from those of the same base before rows `first..` came; `None` where they do not pay.
    pub fn extended(base: &Base, old: Option<&HalfRows>, first: u64) -> Result<Option<HalfRows>> {
        let Some(operand) = operand(base)?.filter(|_| base.len() > 0) else { return Ok(None) };
        match HalfRows::build(base, operand, old, first, None) {
            // They are for speed: without room for them the search is as exact.
            Err(Error::OutOfDeviceMemory { .. }) => {
                log::warn!("no device memory for the rows in f16: searching in f32");
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Those of `base` after a row of segment `at` was replaced.
    pub fn replaced(base: &Base, old: Option<&HalfRows>, at: usize) -> Result<Option<HalfRows>> {
        old.map(|old| HalfRows::build(base, old.operand, Some(old), u64::MAX, Some(at))).transpose()
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

    /// Whether few queries read fewer bytes of it than of the rows, or as many in larger steps.
    pub fn serves_few(&self) -> bool {
        matches!(self.operand, Operand::Half | Operand::Rows(DType::F16))
    }

    /// Device memory beyond the rows.
    pub fn bytes(&self) -> u64 {
        let copy = |p: &HalfPart| if self.operand == Operand::Half { p.buffer.size() } else { 0 };
        self.parts.iter().map(copy).sum::<u64>() + self.bin_rest.size()
    }

    fn build(
        base: &Base,
        operand: Operand,
        old: Option<&HalfRows>,
        first: u64,
        replaced: Option<usize>,
    ) -> Result<HalfRows> {
        let gpu = base.gpu();
        let scaled = matches!(space::scan_family(base.metric()), Some((_, true)));
        // rows of cosine are normalised
        let wanted = factor(if scaled { 1.0 } else { base.facts().largest });
        let mut encoder = Encoder::new(gpu, "f16 rows", false)?;
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
            let first_bin = (segment.first_row() / BIN) as u32;
            let new = first.saturating_sub(segment.first_row()) as u32;
            if let Operand::Rows(dtype) = operand {
                parts.push(HalfPart::stored(segment, dtype));
                let from = if replaced == Some(at) { 0 } else { new };
                // whole numbers of 8 bits lose nothing
                if dtype == DType::F16 && (end > first || replaced == Some(at)) {
                    let source = Source::of(base, segment, part, from);
                    residuals(&mut encoder, &source, None, &bin_rest, first_bin, false)?;
                }
                continue;
            }
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
                Some(b) => (HalfPart { factor: wanted, ..b.clone() }, new),
                None => (HalfPart::copied(base, segment, wanted)?, 0),
            };
            let source = Source::of(base, segment, part, from);
            copy(&mut encoder, &source, &half)?;
            residuals(&mut encoder, &source, Some(&half), &bin_rest, first_bin, false)?;
            parts.push(half);
        }
        encoder.submit(&[])?;
        Ok(HalfRows { operand, parts, bin_rest })
    }
}

impl HalfPart {
    /// Room for the copy of a segment.
    fn copied(base: &Base, segment: &Segment, factor: f32) -> Result<HalfPart> {
        let capacity = segment.capacity().next_multiple_of(TILE_ROWS);
        let bytes = row_bytes(base.work().dim());
        let buffer = base.gpu().alloc("f16 copy", u64::from(capacity) * bytes)?;
        Ok(HalfPart { buffer, stride4: (bytes / 8) as u32, factor, capacity })
    }

    /// The rows as they are.
    fn stored(segment: &Segment, dtype: DType) -> HalfPart {
        HalfPart {
            buffer: segment.buffer().clone(),
            stride4: stride4(segment.stride_bytes(), dtype),
            factor: 1.0,
            capacity: segment.capacity(),
        }
    }

    /// A copy of `end` queries of `depth` elements.
    pub fn of_queries(buffer: Buffer, depth: u32, factor: f32, end: u32) -> HalfPart {
        HalfPart { buffer, stride4: depth / 4, factor, capacity: end }
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

impl<'a> Source<'a> {
    /// The rows of a segment from `first` on, and zeros up to whole tiles.
    fn of(base: &Base, segment: &'a Segment, part: &'a Part, first: u32) -> Source<'a> {
        Source {
            rows: segment.buffer(),
            dtype: base.work().dtype(),
            stride4: stride4(segment.stride_bytes(), base.work().dtype()),
            dim: base.work().dim(),
            scale: part.scale.as_ref(),
            first,
            last: segment.rows(),
            end: segment.rows().next_multiple_of(TILE_ROWS),
        }
    }
}

/// Encodes the copy of rows into `out`, scaled and padded.
pub(crate) fn copy(encoder: &mut Encoder, source: &Source<'_>, out: &HalfPart) -> Result<()> {
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

/// Encodes what a copy lost, or f16 rows themselves may lose: of each bin of the index from `first_bin` on, or of `each` row.
pub(crate) fn residuals(
    encoder: &mut Encoder,
    source: &Source<'_>,
    copy: Option<&HalfPart>,
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
        out_stride4: copy.map_or(0, |c| c.stride4),
        groups_x: groups[0],
        first_bin,
        inverse: copy.map_or(1.0, |c| 1.0 / c.factor),
    };
    let mut buffers = vec![source.rows];
    buffers.extend(copy.map(|c| &c.buffer));
    buffers.push(rest);
    buffers.extend(source.scale);
    let scaled = source.scale.is_some();
    let variant = registry::residual(source.dtype, scaled, each, copy.is_none());
    encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
}

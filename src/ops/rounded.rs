//! The rows in fewer bits, for scans that are certified or decided by the rows themselves: a copy in f16 for the matrix units
//! and for few queries, one in 8 bits for few queries, or, where every element is an f16 anyway, the rows as they are. With a
//! record of what was lost.

use super::base::{Base, Copies};
use super::half::{self, Source, TILE_ROWS};
use super::{BIN, bytes, matrix, space, stride4};
use crate::buffer::{Buffer, Segment};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use crate::kernel::registry::{Lost, Operand};

/// Below this dimension most of a slab would be padding.
const MIN_DIM: usize = 16;

/// All segments.
#[derive(Clone)]
pub(crate) struct Rounded {
    pub operand: Operand,
    parts: Vec<RoundedPart>,
    /// Largest |x - x'| of each bin of the index.
    bin_rest: Buffer,
}

/// One segment.
#[derive(Clone)]
pub(crate) struct RoundedPart {
    pub buffer: Buffer,
    /// From one row to the next, in groups of four elements.
    pub stride4: u32,
    /// x' = f16(x factor), a power of two.
    pub factor: f32,
    /// Of 8 bits: what those of a row are multiplied by.
    pub scale: Option<Buffer>,
    capacity: u32,
}

/// What the matrix units multiply in f16 of such rows, and few queries read, if anything.
pub(crate) fn halves(base: &Base) -> Result<Option<Operand>> {
    if space::scan_family(base.metric()).is_none() || base.work().dim() < MIN_DIM {
        return Ok(None);
    }
    let gpu = base.gpu();
    let copied = gpu.profile().u32("matrix", "f16_copy")? != 0;
    Ok(match base.work().dtype() {
        dtype @ (DType::F16 | DType::I8 | DType::U8) => {
            let multiplied = matrix::of(gpu, DType::F16)?.is_some();
            (copied || multiplied).then_some(Operand::Rows(dtype))
        }
        _ => (copied && base.copies() != Copies::None).then_some(Operand::Half),
    })
}

/// What few queries read of such rows, where that is narrower still.
pub(crate) fn bytes(base: &Base) -> Result<Option<Operand>> {
    let dims = MIN_DIM..=bytes::MAX_DIM;
    let scans = space::scan_family(base.metric()).is_some() && dims.contains(&base.work().dim());
    let narrower = !base.work().dtype().is_integer() && base.copies() == Copies::All;
    let asked = base.gpu().profile().u32("scan", "int8_copy")? != 0;
    Ok((scans && narrower && asked).then_some(Operand::Bytes))
}

/// Whether such rows would be copied to f16.
pub(crate) fn copies(base: &Base) -> Result<bool> {
    Ok(halves(base)? == Some(Operand::Half))
}

impl Rounded {
    /// For `rows` rows of one segment, which are to come.
    pub fn with_room(base: &Base, operand: Operand, rows: u32) -> Result<Rounded> {
        let bins = u64::from(rows).div_ceil(BIN) * 4;
        let bin_rest = base.gpu().alloc("residuals", bins.next_multiple_of(256))?;
        let mut encoder = Encoder::new(base.gpu(), "rounded rows", false)?;
        encoder.clear(&bin_rest);
        encoder.submit(&[])?;
        let parts = base.work().segments().iter();
        let parts = parts.map(|segment| RoundedPart::new(base, operand, segment, 1.0));
        Ok(Rounded { operand, parts: parts.collect::<Result<_>>()?, bin_rest })
    }

    /// Those of `base` from those of the same base before rows `first..` came; `None` without the memory for them.
    pub fn extended(
        base: &Base,
        operand: Option<Operand>,
        old: Option<&Rounded>,
        first: u64,
    ) -> Result<Option<Rounded>> {
        let Some(operand) = operand.filter(|_| base.len() > 0) else { return Ok(None) };
        match Rounded::build(base, operand, old, first, None) {
            // They are for speed: without room for them the search is as exact.
            Err(Error::OutOfDeviceMemory { .. }) => {
                log::warn!(
                    "no device memory for a copy of the rows in fewer bits: searching the rows"
                );
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Those of `base` after a row of segment `at` was replaced.
    pub fn replaced(base: &Base, old: Option<&Rounded>, at: usize) -> Result<Option<Rounded>> {
        old.map(|old| Rounded::build(base, old.operand, Some(old), u64::MAX, Some(at))).transpose()
    }

    pub fn part(&self, at: usize) -> Option<&RoundedPart> {
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
        !matches!(self.operand, Operand::Rows(DType::I8 | DType::U8))
    }

    /// Device memory beyond the rows.
    pub fn bytes(&self) -> u64 {
        let own = !matches!(self.operand, Operand::Rows(_));
        let size = |p: &RoundedPart| {
            let scale = p.scale.as_ref().map_or(0, Buffer::size);
            scale + if own { p.buffer.size() } else { 0 }
        };
        self.parts.iter().map(size).sum::<u64>() + self.bin_rest.size()
    }

    fn build(
        base: &Base,
        operand: Operand,
        old: Option<&Rounded>,
        first: u64,
        replaced: Option<usize>,
    ) -> Result<Rounded> {
        let mut encoder = Encoder::new(base.gpu(), "rounded rows", false)?;
        let bin_rest = Rounded::rests(base, old, replaced, &mut encoder)?;
        let scaled = matches!(space::scan_family(base.metric()), Some((_, true)));
        // rows of cosine are normalised
        let largest = half::factor(if scaled { 1.0 } else { base.facts().largest });
        let wanted = if matches!(operand, Operand::Rows(_)) { 1.0 } else { largest };
        let mut parts = Vec::new();
        for (at, (segment, numbers)) in base.segments().enumerate() {
            let end = segment.first_row() + u64::from(segment.rows());
            let new = first.saturating_sub(segment.first_row()) as u32;
            let before = old.and_then(|o| o.part(at));
            let in_place = before.filter(|b| {
                let whole = operand == Operand::Half;
                // an older segment keeps its own scale while its rows fit; one without rows takes any
                let same = b.factor == wanted || end <= first || first <= segment.first_row();
                let room =
                    b.capacity >= if whole { whole_tiles(segment.rows()) } else { segment.rows() };
                replaced != Some(at) && same && room && b.reads(segment, operand)
            });
            let (part, from) = match in_place {
                Some(b) if end <= first => {
                    parts.push(b.clone());
                    continue;
                }
                Some(b) => (RoundedPart { factor: wanted, ..b.clone() }, new),
                None => (RoundedPart::new(base, operand, segment, wanted)?, 0),
            };
            let source = Source::of(base, segment, numbers, from);
            let lost = match operand {
                Operand::Half => Some(Lost::Half),
                Operand::Bytes => Some(Lost::Bytes),
                Operand::Rows(DType::F16) => Some(Lost::Own),
                // whole numbers of 8 bits lose nothing
                Operand::Rows(_) => None,
            };
            match operand {
                Operand::Half => half::copy(&mut encoder, &source, &part)?,
                Operand::Bytes => bytes::copy(&mut encoder, &source, &part)?,
                Operand::Rows(_) => {}
            }
            if let Some(lost) = lost {
                let first_bin = (segment.first_row() / BIN) as u32;
                half::residuals(&mut encoder, &source, &part, &bin_rest, first_bin, lost)?;
            }
            parts.push(part);
        }
        encoder.submit(&[])?;
        Ok(Rounded { operand, parts, bin_rest })
    }

    /// Room for what is lost of all bins, with what is known of it.
    fn rests(
        base: &Base,
        old: Option<&Rounded>,
        replaced: Option<usize>,
        encoder: &mut Encoder,
    ) -> Result<Buffer> {
        let bins = base.bins() * 4;
        if let Some(old) = old
            && old.bin_rest.size() >= bins
            && replaced.is_none()
        {
            // Bounds may only grow for the snapshots that share them, so that appends write in place.
            return Ok(old.bin_rest.clone());
        }
        let had = old.map_or(0, |o| o.bin_rest.size());
        let grown = base.gpu().alloc("residuals", bins.max(had * 2).next_multiple_of(256))?;
        encoder.clear(&grown);
        if let Some(old) = old {
            encoder.copy(&old.bin_rest, 0, &grown, 0, had);
        }
        Ok(grown)
    }
}

fn whole_tiles(rows: u32) -> u32 {
    rows.next_multiple_of(TILE_ROWS)
}

impl RoundedPart {
    /// Room for the copy of a segment, or the segment itself.
    fn new(base: &Base, operand: Operand, segment: &Segment, factor: f32) -> Result<RoundedPart> {
        let (gpu, dim) = (base.gpu(), base.work().dim());
        let capacity = segment.capacity();
        Ok(match operand {
            Operand::Half => {
                let (capacity, bytes) = (whole_tiles(capacity), half::row_bytes(dim));
                let buffer = gpu.alloc("f16 copy", u64::from(capacity) * bytes)?;
                RoundedPart { buffer, stride4: (bytes / 8) as u32, factor, scale: None, capacity }
            }
            Operand::Bytes => {
                let bytes = bytes::row_bytes(dim);
                let buffer = gpu.alloc("8-bit copy", u64::from(capacity) * bytes)?;
                let scale = Some(gpu.alloc("scales of 8 bits", u64::from(capacity) * 4)?);
                RoundedPart { buffer, stride4: (bytes / 4) as u32, factor, scale, capacity }
            }
            Operand::Rows(dtype) => {
                let stride4 = stride4(segment.stride_bytes(), dtype);
                let buffer = segment.buffer().clone();
                RoundedPart { buffer, stride4, factor: 1.0, scale: None, capacity }
            }
        })
    }

    /// Whether it is of this segment still, where it is the segment itself.
    fn reads(&self, segment: &Segment, operand: Operand) -> bool {
        !matches!(operand, Operand::Rows(_)) || self.buffer.raw() == segment.buffer().raw()
    }

    /// A copy of `end` queries of `depth` elements in f16.
    pub fn of_queries(buffer: Buffer, depth: u32, factor: f32, end: u32) -> RoundedPart {
        RoundedPart { buffer, stride4: depth / 4, factor, scale: None, capacity: end }
    }
}

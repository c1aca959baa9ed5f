//! The rows in fewer bits, for scans that are certified or decided by the rows themselves: a copy in f16 for the matrix units
//! and for few queries, one in 8 bits for few queries, or, where every element is an f16 anyway, the rows as they are. With a
//! record of what was lost.

use super::part::{RoundedPart, Source, TILE_ROWS};
use super::{codes, f16, int8, residual};
use crate::buffer::{BIN, Buffer, Matrix, Segment, Touched};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::coding::{Codes, Coding};
use crate::exact::encoding::Encoding;
use crate::exact::f16_factor::f16_factor;
use crate::exact::lost::Lost;
use crate::exact::rows::measured::{self, Measured, ScanFamily};
use crate::exact::tables::Tables;
use crate::kernel::{Encoder, matrix_tile};

/// Below this dimension most of a slab would be padding.
const MIN_DIM: usize = 16;

/// Which copies in fewer bits there may be, where the profile asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// Not even the rows as they are: no scan will come.
    Unscanned,
    None,
    /// That for the matrix units.
    F16,
    All,
}

/// All segments.
#[derive(Clone)]
pub(crate) struct Rounded {
    pub operand: Encoding,
    parts: Vec<RoundedPart>,
    /// Largest |x - x'| of each bin.
    bin_residual: Buffer,
}

/// What the matrix units multiply in f16 of such rows, and few queries read, if anything.
pub(crate) fn f16_operand(rows: &Measured, copies: Copies) -> Result<Option<Encoding>> {
    if copies == Copies::Unscanned || rows.scan().is_none() || rows.dim() < MIN_DIM {
        return Ok(None);
    }
    if rows.codes().is_some() {
        return Ok(Some(Encoding::Codes));
    }
    let (gpu, logs) = (rows.gpu(), rows.by_logs());
    if rows.tables().is_some() {
        let multiplied = matrix_tile(gpu, DType::F16)?.is_some();
        return Ok(multiplied.then_some(Encoding::Tables(rows.elements())));
    }
    let copied = gpu.profile().u32("matrix", "f16_copy")? != 0;
    Ok(match rows.matrix().dtype() {
        dtype @ (DType::F16 | DType::I8 | DType::U8) if !logs => {
            let multiplied = matrix_tile(gpu, DType::F16)?.is_some();
            (copied || multiplied).then_some(Encoding::Rows(dtype))
        }
        _ if !copied || copies == Copies::None => None,
        _ if most_copied(gpu, rows.dim()) == 0 => {
            log::debug!("no copy in f16: a tile of its rows is more than one binding holds");
            None
        }
        _ => Some(Encoding::F16Copy),
    })
}

/// How rows are scanned that a metric has this scan for: by logarithms only where there may be a copy of them.
pub(crate) fn scanned(
    rows: &Matrix,
    scan: Option<ScanFamily>,
    copies: Copies,
) -> Result<Option<ScanFamily>> {
    let measured = Measured::new(rows.clone(), scan);
    let without = measured.by_logs() && f16_operand(&measured, copies)?.is_none();
    Ok(scan.filter(|_| !without))
}

/// What few queries read of such rows, where that is narrower still.
pub(crate) fn int8_operand(rows: &Measured, copies: Copies) -> Result<Option<Encoding>> {
    let dims = MIN_DIM..=int8::MAX_DIM;
    let scans = rows.scan().is_some() && !rows.by_logs() && dims.contains(&rows.dim());
    let narrower = !rows.matrix().dtype().is_integer() && !rows.is_coded() && copies == Copies::All;
    let asked = rows.gpu().profile().u32("scan", "int8_copy")? != 0;
    // codes are as narrow
    Ok((scans && narrower && asked && rows.codes().is_none()).then_some(Encoding::Int8Copy))
}

/// The most rows of a segment whose copy fits one binding, which may be wider than they are; `None` where there is no copy.
pub(crate) fn most_rows(rows: &Measured, copies: Copies) -> Result<Option<u64>> {
    let copied = f16_operand(rows, copies)? == Some(Encoding::F16Copy);
    Ok(copied.then(|| most_copied(rows.gpu(), rows.dim())))
}

/// The most rows, in whole tiles, whose copy in f16 fits one binding.
pub(crate) fn most_copied(gpu: &Gpu, dim: usize) -> u64 {
    let bytes = gpu.caps().max_binding_bytes.min(gpu.caps().max_buffer_bytes);
    let tile = u64::from(TILE_ROWS);
    bytes / f16::row_bytes(dim) / tile * tile
}

impl Rounded {
    /// For as many rows as the first segment has room for, which are to come.
    pub fn with_room(rows: &Measured, operand: Encoding) -> Result<Rounded> {
        let capacity = rows.matrix().segments().first().map_or(0, Segment::capacity);
        let bins = u64::from(capacity).div_ceil(BIN) * 4;
        let bin_residual = rows.gpu().alloc("residuals", bins.next_multiple_of(256))?;
        let mut encoder = Encoder::new(rows.gpu(), "rounded rows", false)?;
        encoder.clear(&bin_residual);
        encoder.submit(&[])?;
        let parts = rows.matrix().segments().iter();
        let parts = parts.map(|segment| new_part(rows, operand, segment, 1.0));
        Ok(Rounded { operand, parts: parts.collect::<Result<_>>()?, bin_residual })
    }

    /// Those of `rows` from those of the same rows before number `first` and what follows came; `None` without the memory.
    pub fn extended(
        rows: &Measured,
        operand: Option<Encoding>,
        old: Option<&Rounded>,
        first: u64,
    ) -> Result<Option<Rounded>> {
        let Some(operand) = operand.filter(|_| rows.len() > 0) else { return Ok(None) };
        or_without(operand, Rounded::build(rows, operand, old, first, &[]))
    }

    /// Those of `rows` after the touched rows were replaced.
    pub fn replaced(
        rows: &Measured,
        old: Option<&Rounded>,
        touched: &[Touched],
    ) -> Result<Option<Rounded>> {
        let Some(old) = old else { return Ok(None) };
        or_without(old.operand, Rounded::build(rows, old.operand, Some(old), u64::MAX, touched))
    }

    pub fn part(&self, at: usize) -> Option<&RoundedPart> {
        self.parts.get(at)
    }

    /// The smallest factor of all segments.
    pub fn smallest_factor(&self) -> f32 {
        self.parts.iter().map(|p| p.factor).fold(f32::MAX, f32::min)
    }

    /// Whether each row has a scale.
    pub fn is_scaled(&self) -> bool {
        self.parts.iter().any(|part| part.scale.is_some())
    }

    pub fn bin_residual(&self) -> &Buffer {
        &self.bin_residual
    }

    /// Encodes what the bins of positions lost that a table lists, `count` of them in segment `at`, into `out` from `first_bin` on.
    pub fn measure(
        &self,
        encoder: &mut Encoder,
        rows: &Measured,
        at: usize,
        (table, count): (&Buffer, u32),
        out: (&Buffer, u32),
    ) -> Result<()> {
        let missing = || Error::internal(format!("no segment {at}"));
        let (segment, numbers) = rows.segments().nth(at).ok_or_else(missing)?;
        let part = self.part(at).ok_or_else(missing)?;
        let source = Source { last: count, ..Source::of(rows, segment, numbers, 0) };
        measure_lost(encoder, self.operand, &source, part, out, Some(table))
    }

    /// Whether few queries read fewer bytes of it than of the rows, or as many in larger steps.
    pub fn serves_few(&self) -> bool {
        !matches!(self.operand, Encoding::Rows(DType::I8 | DType::U8) | Encoding::Tables(_))
    }

    /// Device memory beyond the rows.
    pub fn bytes(&self) -> u64 {
        let own = !self.operand.is_stored();
        let size = |p: &RoundedPart| {
            let scale = p.scale.as_ref().map_or(0, Buffer::size);
            scale + if own { p.buffer.size() } else { 0 }
        };
        self.parts.iter().map(size).sum::<u64>() + self.bin_residual.size()
    }

    fn build(
        rows: &Measured,
        operand: Encoding,
        old: Option<&Rounded>,
        first: u64,
        replaced: &[Touched],
    ) -> Result<Rounded> {
        let mut encoder = Encoder::new(rows.gpu(), "rounded rows", false)?;
        let bin_residual = Rounded::residuals(rows, old, replaced, &mut encoder)?;
        let scaled = matches!(rows.scan(), Some((_, true)));
        // rows of cosine are normalized
        let largest = f16_factor(if scaled { 1.0 } else { largest(rows) });
        // logarithms are within f16's range, and near 0 only where they say little
        let as_is = matches!(operand, Encoding::Rows(_)) || rows.by_logs();
        let looked_up = rows.tables().map(Tables::factor);
        let wanted = looked_up.unwrap_or(if as_is { 1.0 } else { largest });
        let mut parts = Vec::new();
        for (at, (segment, numbers)) in rows.segments().enumerate() {
            let end = segment.first_row() + u64::from(segment.rows());
            let new = first.saturating_sub(segment.first_row()) as u32;
            let before = old.and_then(|o| o.part(at));
            let in_place = before.filter(|b| {
                let whole = operand == Encoding::F16Copy;
                // an older segment keeps its own scale while its rows fit; one without rows takes any, as do codes, which have others
                let same = b.factor == wanted
                    || end <= first
                    || first <= segment.first_row()
                    || operand == Encoding::Codes;
                let room =
                    b.capacity >= if whole { whole_tiles(segment.rows()) } else { segment.rows() };
                !replaced.iter().any(|t| t.segment == at)
                    && same
                    && room
                    && reads(b, segment, operand)
            });
            let (part, from) = match in_place {
                Some(b) if end <= first => {
                    parts.push(b.clone());
                    continue;
                }
                Some(b) => (RoundedPart { factor: wanted, ..b.clone() }, new),
                None => (new_part(rows, operand, segment, wanted)?, 0),
            };
            let source = Source::of(rows, segment, numbers, from);
            match operand {
                Encoding::F16Copy => f16::copy(&mut encoder, &source, &part)?,
                Encoding::Int8Copy => int8::copy(&mut encoder, &source, &part)?,
                Encoding::Codes => match source.coding {
                    Some(coding) => codes::copy(&mut encoder, &source, &part, coding)?,
                    None => int8::copy(&mut encoder, &source, &part)?,
                },
                Encoding::Rows(_) | Encoding::Tables(_) => {}
            }
            let first_bin = (segment.first_row() / BIN) as u32;
            let out = (&bin_residual, first_bin);
            measure_lost(&mut encoder, operand, &source, &part, out, None)?;
            parts.push(part);
        }
        encoder.submit(&[])?;
        Ok(Rounded { operand, parts, bin_residual })
    }

    /// Room for what is lost of all bins, with what is known of it.
    fn residuals(
        rows: &Measured,
        old: Option<&Rounded>,
        replaced: &[Touched],
        encoder: &mut Encoder,
    ) -> Result<Buffer> {
        let bins = rows.bins() * 4;
        if let Some(old) = old
            && old.bin_residual.size() >= bins
            && replaced.is_empty()
        {
            // Bounds may only grow for the snapshots that share them, so that appends write in place.
            return Ok(old.bin_residual.clone());
        }
        let had = old.map_or(0, |o| o.bin_residual.size());
        let grown = rows.gpu().alloc("residuals", measured::by_bin(rows.gpu(), bins, had))?;
        encoder.clear(&grown);
        if let Some(old) = old {
            encoder.copy(&old.bin_residual, 0, &grown, 0, had);
        }
        Ok(grown)
    }
}

/// At least the magnitude of all elements, and of what there is of them in a copy.
fn largest(rows: &Measured) -> f32 {
    let of_copy = rows.codes().and_then(Codes::coding).map_or(0.0, Coding::largest);
    rows.facts().largest.max(of_copy)
}

/// They are for speed: without room for them the search is as exact.
fn or_without(operand: Encoding, built: Result<Rounded>) -> Result<Option<Rounded>> {
    match built {
        Err(error @ (Error::OutOfDeviceMemory { .. } | Error::LimitExceeded { .. })) => {
            log::warn!("searching the rows without their form {}: {error}", operand.name());
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Encodes what the rows of a part lost, of each bin from the given one on: of positions, where a table lists them.
fn measure_lost(
    encoder: &mut Encoder,
    operand: Encoding,
    source: &Source<'_>,
    part: &RoundedPart,
    (out, first_bin): (&Buffer, u32),
    table: Option<&Buffer>,
) -> Result<()> {
    let lost = match operand {
        Encoding::F16Copy if source.logs => Lost::Logs,
        Encoding::F16Copy => Lost::F16Copy,
        Encoding::Int8Copy => Lost::Int8Copy,
        Encoding::Codes => source.coding.map_or(Lost::Int8Copy, |c| Lost::Codes(c.elements())),
        Encoding::Rows(DType::F16) => Lost::Own,
        Encoding::Tables(_) => Lost::Grid,
        // whole numbers of 8 bits lose nothing
        Encoding::Rows(_) => return Ok(()),
    };
    residual::measure(encoder, source, part, out, first_bin, table, lost)
}

fn whole_tiles(rows: u32) -> u32 {
    rows.next_multiple_of(TILE_ROWS)
}

/// Room for the copy of a segment, or the segment itself.
fn new_part(
    rows: &Measured,
    operand: Encoding,
    segment: &Segment,
    factor: f32,
) -> Result<RoundedPart> {
    let (gpu, dim) = (rows.gpu(), rows.dim());
    let capacity = segment.capacity();
    Ok(match operand {
        Encoding::F16Copy => {
            let (capacity, bytes) = (whole_tiles(capacity), f16::row_bytes(dim));
            let buffer = gpu.alloc("f16 copy", u64::from(capacity) * bytes)?;
            RoundedPart { buffer, stride4: (bytes / 8) as u32, factor, scale: None, capacity }
        }
        Encoding::Int8Copy | Encoding::Codes => {
            let bytes = int8::row_bytes(dim);
            let buffer = gpu.alloc("8-bit copy", u64::from(capacity) * bytes)?;
            let scaled =
                operand == Encoding::Int8Copy || matches!(rows.codes(), Some(Codes::OfRows));
            let scales = || gpu.alloc("scales of 8 bits", u64::from(capacity) * 4);
            let scale = scaled.then(scales).transpose()?;
            RoundedPart { buffer, stride4: (bytes / 4) as u32, factor, scale, capacity }
        }
        Encoding::Rows(_) | Encoding::Tables(_) => {
            let stride4 = rows.matrix().dtype().stride4(segment.stride_bytes());
            let buffer = segment.buffer().clone();
            let factor = rows.tables().map_or(1.0, Tables::factor);
            RoundedPart { buffer, stride4, factor, scale: None, capacity }
        }
    })
}

/// Whether a part is of this segment still, where it is the segment itself.
fn reads(part: &RoundedPart, segment: &Segment, operand: Encoding) -> bool {
    !operand.is_stored() || part.buffer.raw() == segment.buffer().raw()
}

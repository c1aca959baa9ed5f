//! Fills blocks with rows of a mapped file.

use super::block::Block;
use super::conversion::{BitOrder, Scale};
use super::element::Element;
use super::limits::BLOCK_BYTES;
use super::losses::Seen;
use super::mapped::Mapped;
use super::narrow::{Origin, append, largest, may_lose};
use super::packed;
use super::skipped::Skipped;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::parallel::each;
use std::borrow::Cow;
use std::ops::Range;

/// How rows of a file become those of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loading<'a> {
    /// Elements of a row; of bits their number.
    pub dim: usize,
    /// What values are multiplied by, and what was asked for so.
    pub scale: (f32, Scale),
    pub bit_order: BitOrder,
    /// Where rows are skipped that are not finite.
    pub skipped: Option<&'a Skipped>,
}

impl Loading<'_> {
    /// Fills a block with rows of the file, and tells what became of them where rounding can change them.
    pub fn load(&self, file: &Mapped, rows: Range<u64>, block: &mut Block) -> Result<Option<Seen>> {
        let dtype = block.dtype();
        // At most four times the bytes of a range that is mapped, which no address space's end is near.
        let bytes = (rows.end - rows.start) as usize * dtype.row_bytes(self.dim);
        block.reset(bytes).map_err(|e| Error::io(file.path(), e))?;
        let (element, columns) = (file.layout.element, file.layout.width());
        if dtype == DType::Bits {
            let row_bytes = file.layout.row_bytes();
            let take = |row, bytes: &[u8]| {
                packed::append(row, bytes, row_bytes, self.dim, self.bit_order, block)
            };
            return file.pieces(rows.start, rows.end, take).map(|()| None);
        }
        let merges = element == Element::F64 && dtype == DType::F32;
        let percent = self.scale.1.tolerated_percent();
        let mut seen =
            may_lose(element, dtype).then(|| Seen::new(rows.clone(), columns, percent, merges));
        file.pieces(rows.start, rows.end, |first_row, bytes| {
            let at = Origin { first_row, columns };
            let bytes = blank(self.skipped, element, bytes, at);
            append(element, &bytes, block, at, self.scale, seen.as_mut())
        })?;
        Ok(seen)
    }
}

/// The number that a scale is for this file.
pub(super) fn scale(
    file: &Mapped,
    dtype: DType,
    scale: Scale,
    skipped: Option<&Skipped>,
) -> Result<f32> {
    scale.check()?;
    let element = file.layout.element;
    match scale {
        Scale::None => Ok(1.0),
        Scale::By(by) if dtype == DType::Bits && by != 1.0 => {
            Err(Error::argument("scale", "bits are no numbers, and have no scale"))
        }
        Scale::By(by) => Ok(by),
        Scale::Auto if element.stores(dtype) || dtype == DType::Bits => Ok(1.0),
        Scale::Auto => {
            let step = (BLOCK_BYTES / file.layout.stride()).max(1) as u64;
            let starts = (0..file.layout.rows).step_by(step as usize).collect();
            let columns = file.layout.width();
            let each = each(starts, |start: u64| {
                let mut most = 0f32;
                file.pieces(start, file.layout.rows.min(start + step), |first_row, bytes| {
                    let at = Origin { first_row, columns };
                    let bytes = blank(skipped, element, bytes, at);
                    most = most.max(largest(element, &bytes, at)?);
                    Ok(())
                })?;
                Ok(most)
            })?;
            Ok(Scale::fitting(dtype, each.into_iter().fold(0.0, f32::max)))
        }
    }
}

/// Rows with zeros in place of those that are skipped, if any are.
fn blank<'a>(
    skipped: Option<&Skipped>,
    element: Element,
    bytes: &'a [u8],
    at: Origin,
) -> Cow<'a, [u8]> {
    match skipped {
        Some(skipped) => skipped.blank(element, bytes, at),
        None => Cow::Borrowed(bytes),
    }
}

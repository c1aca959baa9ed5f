//! One segment in fewer bits, and the rows that such a part is made of.

use crate::buffer::{BIN, Buffer, Segment};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::coding::{Codes, Coding};
use crate::exact::rows::measured::{Measured, Part};
use crate::exact::tables::Tables;
use crate::kernel::fold;

/// A part is padded to whole tiles of the matrix units, whatever their shape.
pub(crate) const TILE_ROWS: u32 = 256;

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
    pub capacity: u32,
}

/// f32 or other rows that are to be copied.
pub(crate) struct Source<'a> {
    pub rows: &'a Buffer,
    pub dtype: DType,
    pub stride4: u32,
    pub dim: usize,
    /// Multiplied in, a number a row (cosine).
    pub scale: Option<&'a Buffer>,
    /// Whether the logarithms of their elements are copied.
    pub logs: bool,
    /// Where they are copied as codes of such ranges.
    pub coding: Option<&'a Coding>,
    /// Where they are looked up.
    pub tables: Option<&'a Tables>,
    /// Rows to copy: from, to; zeros follow up to `end`.
    pub first: u32,
    pub last: u32,
    pub end: u32,
}

/// The bins that a kernel goes through which has a workgroup for each.
pub(crate) struct ByBin {
    /// Workgroups, of which the first dimension has `groups[0]`.
    pub groups: [u32; 3],
    pub k4: u32,
}

impl<'a> Source<'a> {
    /// The rows of a segment from `first` on, and zeros up to whole tiles.
    pub fn of(
        measured: &'a Measured,
        segment: &'a Segment,
        part: &'a Part,
        first: u32,
    ) -> Source<'a> {
        let matrix = measured.matrix();
        Source {
            rows: segment.buffer(),
            dtype: matrix.dtype(),
            stride4: matrix.dtype().stride4(segment.stride_bytes()),
            dim: measured.dim(),
            scale: part.scale.as_ref(),
            logs: measured.by_logs(),
            coding: measured.codes().and_then(Codes::coding),
            tables: measured.tables(),
            first,
            last: segment.rows(),
            end: segment.rows().next_multiple_of(TILE_ROWS),
        }
    }

    pub fn by_bin(&self, gpu: &Gpu) -> Result<ByBin> {
        let bins = u64::from(self.last).div_ceil(BIN) - u64::from(self.first) / BIN;
        let groups = fold(gpu, bins)?;
        Ok(ByBin { groups: [groups[0], groups[1], 1], k4: self.dim.div_ceil(4) as u32 })
    }
}

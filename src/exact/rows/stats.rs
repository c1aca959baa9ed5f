//! The numbers that the scan needs of each row, and of each bin the largest norm: how they are computed.

use crate::buffer::{BIN, Buffer, Segment};
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::coding::Elements;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, RowMap, fold};
use crate::space::Family;

/// Rows of one segment, and where what is computed of them goes.
pub(crate) struct Stats<'a> {
    pub segment: &'a Segment,
    pub dtype: DType,
    pub dim: usize,
    pub elements: Elements,
    /// Where the rows are codes.
    pub ranges: Option<&'a Buffer>,
    /// No row counts as shorter in the norms of bins.
    pub least_norm: f32,
    /// And whether products are divided by the norm of the row.
    pub family: (Family, bool),
    pub bias: &'a Buffer,
    pub scale: Option<&'a Buffer>,
    /// Largest |x| of each bin.
    pub bin_norm: &'a Buffer,
    /// Positions that there are, and those of the rows that get their numbers. The others' bins get their norms again where one
    /// of them is there.
    pub count: u32,
    pub first: u32,
    pub last: u32,
    pub first_bin: u32,
    /// The row of each position, where these are not the rows themselves.
    pub table: Option<&'a Buffer>,
}

impl Stats<'_> {
    /// Encodes the numbers of the rows `first..last` and of the bins from that of `first` to that before `end`.
    pub fn encode(&self, encoder: &mut Encoder, end: u32) -> Result<()> {
        let bins = u64::from(end).div_ceil(BIN) - u64::from(self.first) / BIN;
        let groups = fold(encoder.gpu(), bins)?;
        let params = params::RowStats {
            first: self.first,
            n: self.count,
            k4: self.dim.div_ceil(4) as u32,
            stride4: self.dtype.stride4(self.segment.stride_bytes()),
            groups_x: groups[0],
            dim: self.dim as u32,
            first_bin: self.first_bin,
            last: self.last,
            least_norm: self.least_norm,
        };
        let mut buffers =
            vec![("rows", self.segment.buffer()), ("bias", self.bias), ("bin_norm", self.bin_norm)];
        buffers.extend(self.ranges.map(|ranges| ("ranges", ranges)));
        buffers.extend(self.scale.map(|scale| ("scale", scale)));
        buffers.extend(self.table.map(|table| ("row_table", table)));
        let (family, scaled) = self.family;
        let map = if self.table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY };
        let variant = kernels::row_stats(self.elements, family, scaled, map);
        encoder.dispatch(&variant, &buffers, &params, [groups[0], groups[1], 1])
    }
}

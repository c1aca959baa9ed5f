//! What the kernels of stage A have in common: some rows of a segment against all queries of a chunk.

use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::exact::operand::SegmentOperand;
use crate::exact::params;
use crate::exact::upload::Upload;
use crate::kernel::RowMap;

/// The queries of a scan and where it writes.
pub(crate) struct Scores {
    pub upload: Upload,
    /// A filter for each query, a bit a row.
    pub bitmap: Option<Buffer>,
    /// Words of each query's bitmap.
    pub words: u32,
    /// The best score of each bin, a query's bins `bin_stride` apart.
    pub bin_best: Buffer,
    pub bin_stride: u32,
    /// Rows to a bin.
    pub bin: u32,
}

/// Rows of one segment at consecutive positions.
pub(crate) struct Piece<'a> {
    pub rows: SegmentOperand<'a>,
    pub bias: &'a Buffer,
    /// Position of the first within the segment, and one past the last.
    pub first: u32,
    pub end: u32,
    /// Elements of a row.
    pub dim: usize,
}

impl Piece<'_> {
    /// The first bin of the segment, in bins of 64 rows.
    pub fn first_bin(&self) -> u32 {
        (self.rows.span.first / BIN) as u32
    }

    pub fn k4(&self) -> u32 {
        self.dim.div_ceil(4) as u32
    }

    /// What the kernels in f32 are passed, that take `step` positions a workgroup, `tiles_y` workgroups in the first dimension.
    pub fn params(&self, scores: &Scores, step: u32, tiles_y: u32) -> params::Scan {
        params::Scan {
            nq: scores.upload.count,
            n: self.end,
            k4: self.k4(),
            stride4: self.rows.stride4,
            q_stride4: scores.upload.float_stride4,
            first_bin: self.first_bin(),
            bin_stride: scores.bin_stride,
            tiles_y,
            words: scores.words,
            first_tile: self.first / step,
            inverse: 1.0 / self.rows.factor,
            dim: self.dim as u32,
            limit: 0.0,
        }
    }

    /// The buffers that every kernel of stage A binds.
    pub fn buffers<'a>(
        &'a self,
        scores: &'a Scores,
        queries: &'a Buffer,
        bias: &'a Buffer,
    ) -> Vec<(&'static str, &'a Buffer)> {
        let mut buffers = self.rows.bind();
        buffers.extend([("queries", queries), ("bias", bias), ("bin_best", &scores.bin_best)]);
        buffers.extend(self.rows.scale.map(|scale| ("scale", scale)));
        buffers.extend(scores.bitmap.as_ref().map(|bitmap| ("bitmap", bitmap)));
        buffers.extend(self.rows.span.table.map(|table| ("row_table", table)));
        buffers
    }

    /// How the kernels find the rows.
    pub fn row_map(&self) -> RowMap {
        if self.rows.span.table.is_some() { RowMap::TABLE } else { RowMap::IDENTITY }
    }
}

impl Scores {
    /// The queries in f32.
    pub fn floats(&self) -> Result<&Buffer> {
        self.upload.floats.as_ref().ok_or_else(|| missing("queries"))
    }
}

pub(crate) fn missing(what: &str) -> Error {
    Error::internal(format!("the scan has no {what}"))
}

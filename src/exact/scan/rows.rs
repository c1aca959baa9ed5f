//! Stage A for few queries: the rows are read one by one, by as few instructions as that takes.

use super::piece::{Piece, Scores};
use crate::buffer::BIN;
use crate::error::Result;
use crate::exact::encoding::Encoding;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, fold};

/// Rows that a workgroup takes.
pub(crate) const STEP: u32 = BIN as u32;

/// Encodes the scores of a piece.
pub(crate) fn encode(encoder: &mut Encoder, scores: &Scores, piece: &Piece<'_>) -> Result<()> {
    let (rows, nq) = (&piece.rows, scores.upload.count);
    // queries that a workgroup multiplies with the rows that it has read
    let q = if nq >= 3 { 4 } else { nq };
    let groups = fold(encoder.gpu(), u64::from(piece.end - piece.first).div_ceil(BIN))?;
    let int8 = scores.upload.int8.as_ref().filter(|_| rows.stored == Encoding::Int8Copy);
    let (queries, q_stride4) = match int8 {
        Some(queries) => (&queries.buffer, queries.stride),
        None => (scores.floats()?, scores.upload.float_stride4),
    };
    let params = params::Scan { q_stride4, ..piece.params(scores, STEP, groups[0]) };
    let buffers = piece.buffers(scores, queries, piece.bias);
    let (scaled, bitmap) = (rows.scale.is_some(), scores.bitmap.is_some());
    let variant = kernels::scan_row(rows.by_row(), q, scaled, bitmap, piece.row_map());
    encoder.dispatch(&variant, &buffers, &params, [nq.div_ceil(q), groups[0], groups[1]])
}

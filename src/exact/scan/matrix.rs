//! Stage A on matrix units.

use super::f16_queries::F16Queries;
use super::piece::{Piece, Scores};
use crate::error::Result;
use crate::exact::rounded::f16;
use crate::exact::rows::bias;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, MatrixTile, fold};

/// How the matrix units are used.
pub(crate) struct Matrices {
    pub tile: MatrixTile,
    /// The queries in f16, where the tile multiplies f16.
    pub queries: Option<F16Queries>,
    /// Most tiles of rows that a workgroup takes one after the other.
    pub max_tiles: u32,
    /// Workgroups that keep the device busy to the end.
    pub min_groups: u32,
}

/// Encodes the scores of a piece.
pub(crate) fn encode(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    matrices: &Matrices,
) -> Result<()> {
    let (rows, nq, tile) = (&piece.rows, scores.upload.count, matrices.tile);
    let (queries, q_stride4, q_factor) = match &matrices.queries {
        Some(F16Queries { part, .. }) => (&part.buffer, part.stride4, part.factor),
        None => (scores.floats()?, scores.upload.float_stride4, 1.0),
    };
    let factor = rows.factor * q_factor;
    // by position, whole tiles, scaled as the products are
    let padded = u64::from(rows.span.count).next_multiple_of(tile.bn().into());
    let bias = encoder.gpu().scratch("scaled bias", padded * 4)?;
    let (span, first) = (rows.span, rows.span.first as u32);
    bias::write(encoder, piece.bias, None, &bias, (span.count, first), span.table, factor)?;
    let query_tiles = nq.div_ceil(tile.bm());
    let row_tiles = (piece.end - piece.first).div_ceil(tile.bn());
    // a workgroup with several tiles loads ahead from one to the next, but all must have enough to do
    let each = query_tiles.saturating_mul(row_tiles) / matrices.min_groups;
    let tiles = each.clamp(1, matrices.max_tiles);
    let groups = fold(encoder.gpu(), row_tiles.div_ceil(tiles).into())?;
    let params = params::ScanMatrix {
        nq,
        n: piece.end,
        k: f16::depth(piece.dim),
        k4: piece.k4(),
        stride4: rows.stride4,
        q_stride4,
        first_bin: piece.first_bin(),
        bin_stride: scores.bin_stride,
        tiles_y: groups[0],
        first_tile: piece.first / tile.bn(),
        inverse: 1.0 / factor,
        tiles,
        words: scores.words,
    };
    let buffers = piece.buffers(scores, queries, &bias);
    let (scaled, bitmap) = (rows.scale.is_some(), scores.bitmap.is_some());
    let variant = kernels::scan_matrix(
        tile,
        &rows.stored.operand(),
        scaled,
        scores.bin,
        bitmap,
        piece.row_map(),
    );
    encoder.dispatch(&variant, &buffers, &params, [query_tiles, groups[0], groups[1]])
}

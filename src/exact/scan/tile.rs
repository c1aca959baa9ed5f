//! Stage A by register tiles in f32.

use super::piece::{Piece, Scores};
use crate::error::Result;
use crate::exact::kernels;
use crate::kernel::{Encoder, Tile, fold};

/// Encodes the scores of a piece.
pub(crate) fn encode(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    tile: Tile,
) -> Result<()> {
    let (rows, nq) = (&piece.rows, scores.upload.count);
    let groups = fold(encoder.gpu(), (piece.end - piece.first).div_ceil(tile.bn).into())?;
    let params = piece.params(scores, tile.bn, groups[0]);
    let buffers = piece.buffers(scores, scores.floats()?, piece.bias);
    let (scaled, bitmap) = (rows.scale.is_some(), scores.bitmap.is_some());
    let variant = kernels::scan_tile(&rows.stored.operand(), tile, scaled, bitmap, piece.row_map());
    encoder.dispatch(&variant, &buffers, &params, [nq.div_ceil(tile.bm), groups[0], groups[1]])
}

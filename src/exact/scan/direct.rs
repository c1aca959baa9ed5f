//! Stage A for metrics that are sums over the elements, but no products: the register tile with another inner step.
//!
//! The tile adds in an order of its own, and takes powers and quotients in another way than the one that decides, which
//! computes each element as it is defined and adds in the order of the dimensions (`distance.wgsl`). Both are off by a share of the
//! distance, since no term is negative; so E is `slack` |M|, and `floor` for products and quotients that vanish below 2^-126. Where
//! elements are 0 or at least 2^-100 no difference of two is subnormal.

use super::bound::Bound;
use super::piece::{Piece, Scores, missing};
use crate::buffer::BIN;
use crate::error::Result;
use crate::exact::encoding::Encoding;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, Tile, fold};
use crate::metric::Metric;
use crate::space::Step;
use crate::space::check::RowFacts;

const U: f64 = 1.0 / 16_777_216.0;

/// How far scores may be off for these rows and queries; `None` where elements are so small that differences may vanish.
pub(crate) fn bound(
    metric: &Metric,
    step: Step,
    dim: usize,
    rows: RowFacts,
    queries: RowFacts,
) -> Option<Bound> {
    let smallest = rows.smallest.min(queries.smallest);
    // quotients are of products of two sums
    let least = if step.family == "canberra" { 2f32.powi(-60) } else { 2f32.powi(-100) };
    if smallest < least {
        return None;
    }
    let d = dim as f64;
    let gamma = |k: f64| k * U / (1.0 - k * U).max(0.5);
    let whole = rows.whole && queries.whole;
    let sum = d * (f64::from(rows.largest) + f64::from(queries.largest));
    // both ways, with room for the comparison's own roundings
    let share = match metric {
        Metric::L1 | Metric::Linf | Metric::Lp(1.0) if whole && sum < 16_777_216.0 => {
            return Some(Bound::EXACT);
        }
        Metric::Linf => 8.0 * U,
        // |log2| of a difference is at most 161, see `reference::tau`
        Metric::Lp(p) => {
            let p = f64::from(*p);
            gamma(2.0 * d + 16.0) + U * (16.0 + 16.0 * p + 9.0 * p * 161.0)
        }
        Metric::BrayCurtis | Metric::Jaccard => gamma(4.0 * d + 48.0),
        Metric::Canberra => gamma(2.0 * d + 48.0),
        _ => gamma(2.0 * d + 32.0),
    };
    let up = |v: f64| v as f32 * (1.0 + f32::EPSILON);
    // a term each, both ways; of NaN-Euclidean they are multiplied by d / present
    let vanished = 4.0 * d * if step.family == "naneuclidean" { d } else { 1.0 } + 8.0;
    let (slack, floor) = (up(share * 1.001 + 16.0 * U), up(vanished * 2f64.powi(-126)));
    Some(Bound { slack, floor, ..Bound::EXACT })
}

/// Encodes the scores of a piece by the register tile, or where there is none, for few queries, by rows one after the other.
pub(crate) fn encode(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    (tile, step): (Option<Tile>, Step),
) -> Result<()> {
    let (rows, nq) = (&piece.rows, scores.upload.count);
    let bn = tile.map_or(BIN as u32, |tile| tile.bn);
    let groups = fold(encoder.gpu(), (piece.end - piece.first).div_ceil(bn).into())?;
    let params = params::ScanDirect {
        nq,
        n: piece.end,
        k4: piece.k4(),
        stride4: rows.stride4,
        q_stride4: scores.upload.float_stride4,
        first_bin: piece.first_bin(),
        bin_stride: scores.bin_stride,
        tiles_y: groups[0],
        words: scores.words,
        first_tile: piece.first / bn,
        dim: piece.dim as u32,
    };
    let buffers = piece.buffers(scores, scores.floats()?, piece.bias);
    let (bitmap, map) = (scores.bitmap.is_some(), piece.row_map());
    let (variant, bm) = match (tile, rows.stored) {
        (Some(tile), stored) => {
            (kernels::scan_direct(&stored.operand(), tile, step, bitmap, map), tile.bm)
        }
        (None, Encoding::Rows(dtype)) => {
            let q = if nq >= 3 { 4 } else { nq };
            (kernels::scan_direct_row(dtype, step, q, bitmap, map), q)
        }
        (None, _) => return Err(missing("rows")),
    };
    encoder.dispatch(&variant, &buffers, &params, [nq.div_ceil(bm), groups[0], groups[1]])
}

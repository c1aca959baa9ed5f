//! Stage A for rows of bits: counts in integers, by a register tile, or for few queries by rows one after the other.
//!
//! A score is a whole number of at most 2^24, which f32 holds: the bits that do not differ (Hamming), those that both have (Russell and
//! Rao), or floor(2^24 both / any), any being the bits that either has (Jaccard; dice orders rows as Jaccard does). So nothing rounds, and E
//! is 0: a row that scores less than k others is farther than they are. Two shares of at most 4096 bits differ by 2^-24 or more, so there
//! equal scores are equal distances, too; of more bits they need not be, and all bins at L are looked at instead of the first k.

use super::bound::{Bound, U};
use super::piece::{Piece, Scores, missing};
use crate::device::Profile;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::encoding::Encoding;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, Tile, fold};
use crate::space::Pair;

/// Most bits of which different shares have different scores.
const EXACT_BITS: usize = 4096;

/// How rows of bits are scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bits {
    /// What is counted: the name in the kernels.
    pub family: &'static str,
    /// Whether words are added before their bits are counted.
    pub carry_save: bool,
    pub bound: Bound,
    tile: Tile,
    /// Groups of 128 bits in a row.
    k4: u32,
}

impl Bits {
    /// `None` for pairs that are no bits; `tile` is that of products.
    pub fn of(pair: &Pair, dim: usize, tile: Tile, profile: &Profile) -> Result<Option<Bits>> {
        let Pair::Bits { family } = *pair else { return Ok(None) };
        let family = if family == "dice" { "bitjaccard" } else { family };
        let share = family == "bitjaccard" && dim > EXACT_BITS;
        let bound = Bound { slack: if share { U as f32 } else { 0.0 }, ..Bound::EXACT };
        let carry_save = profile.u32("scan", "carry_save")? == 1;
        let k4 = dim.div_ceil(128) as u32;
        Ok(Some(Bits { family, carry_save, bound, tile: tile.of_bits(), k4 }))
    }

    /// The tile for `queries` of them, of which up to `few` read the rows one by one.
    pub fn tile(&self, queries: u32, few: u32) -> Option<Tile> {
        (queries > few).then_some(self.tile)
    }

    /// Queries that a workgroup compares with the rows that it has read, where there is no tile for them.
    const fn at_once(queries: u32) -> u32 {
        if queries >= 3 { 4 } else { queries }
    }

    /// Neighbouring threads that read one row together.
    fn lanes(&self) -> u32 {
        self.k4.next_power_of_two().min(8)
    }

    /// Rows that a workgroup takes.
    pub fn step(&self, tile: Option<Tile>, queries: u32) -> u32 {
        // 256 threads with eight pairs each
        tile.map_or_else(|| 2048 / (self.lanes() * Bits::at_once(queries)), |tile| tile.bn)
    }
}

/// Encodes the scores of a piece.
pub(crate) fn encode(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    (tile, bits): (Option<Tile>, Bits),
) -> Result<()> {
    let (nq, step) = (scores.upload.count, bits.step(tile, scores.upload.count));
    let groups = fold(encoder.gpu(), (piece.end - piece.first).div_ceil(step).into())?;
    let of = piece.params(scores, step, groups[0]);
    let params = params::Scan { k4: bits.k4, q_stride4: scores.upload.exact_stride4, ..of };
    if piece.rows.stored != Encoding::Rows(DType::Bits) {
        return Err(missing("bits"));
    }
    let buffers = piece.buffers(scores, &scores.upload.exact, piece.bias);
    let kind = (bits.family, bits.carry_save);
    let (bitmap, map) = (scores.bitmap.is_some(), piece.row_map());
    let (variant, bm) = match tile {
        Some(tile) => (kernels::scan_bits(kind, tile, bitmap, map), tile.bm),
        None => {
            let q = Bits::at_once(nq);
            (kernels::scan_bits_row(kind, (q, bits.lanes()), bitmap, map), q)
        }
    };
    encoder.dispatch(&variant, &buffers, &params, [nq.div_ceil(bm), groups[0], groups[1]])
}

//! Stage A for metrics that are sums over the elements, but no products of rows as they are: the register tile with another inner step.
//!
//! The tile adds in an order of its own, and takes powers and quotients in another way than the one that decides, which
//! computes each element as it is defined and adds in the order of the dimensions (`distance.wgsl`). Both are off by a share of the
//! distance, since no term is negative; so E is `slack` |M|, and `floor` for products and quotients that vanish below 2^-126. Where
//! elements are 0 or at least 2^-100 no difference of two is subnormal.

use super::bound::{Bound, U};
use super::piece::{Piece, Scores, missing};
use crate::buffer::BIN;
use crate::error::Result;
use crate::exact::encoding::Encoding;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, Tile, fold};
use crate::metric::Metric;
use crate::space::Term;
use crate::space::check::RowFacts;

/// What is known of the scores by such terms for some rows and queries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Direct {
    pub term: Term,
    /// How far they may be off.
    pub bound: Bound,
    /// Of Kullback-Leibler: no sum of a hit is as far below 0, and every other is farther.
    limit: f32,
}

pub(super) fn gamma(k: f64) -> f64 {
    k * U / (1.0 - k * U).max(0.5)
}

pub(super) fn up(v: f64) -> f32 {
    v as f32 * (1.0 + f32::EPSILON)
}

impl Direct {
    /// `None` where elements are so small that differences may vanish, or otherwise not such as the kernel is for.
    pub fn new(
        metric: &Metric,
        term: Term,
        dim: usize,
        rows: RowFacts,
        queries: RowFacts,
    ) -> Option<Direct> {
        // quotients are of products of two sums
        let least = if term.family == "canberra" { 2f32.powi(-60) } else { 2f32.powi(-100) };
        if rows.smallest.min(queries.smallest) < least {
            return None;
        }
        let (bound, limit) = match metric {
            Metric::KlDivergence => kullback_leibler(dim as f64, rows, queries)?,
            Metric::JensenShannon => (jensen_shannon(dim as f64, rows, queries), 0.0),
            _ => (sums(metric, term, dim as f64, rows, queries), 0.0),
        };
        Some(Direct { term, bound, limit })
    }
}

/// Sums of terms that are not negative.
fn sums(metric: &Metric, term: Term, d: f64, rows: RowFacts, queries: RowFacts) -> Bound {
    let whole = rows.whole && queries.whole;
    let sum = d * (f64::from(rows.largest) + f64::from(queries.largest));
    // both ways, with room for the comparison's own roundings
    let share = match metric {
        // of lp:1 the distance that decides is a sum of powers, which round
        Metric::L1 | Metric::Linf if whole && sum < 16_777_216.0 => {
            return Bound::EXACT;
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
    // a term each, both ways; of NaN-Euclidean they are multiplied by d / present
    let vanished = 4.0 * d * if term.family == "naneuclidean" { d } else { 1.0 } + 8.0;
    let (slack, floor) = (up(share * 1.001 + 16.0 * U), up(vanished * 2f64.powi(-126)));
    Bound { slack, floor, ..Bound::EXACT }
}

/// Terms that cancel: of each pair of elements at most 1.6 (q + x) in magnitude. The device's log2 is off by 8u within [1/2, 2] and by
/// 6u of itself outside, where q |log2(q / m)| is at most 0.54 m; its argument by 7u. The distance that decides is off by its tau.
fn jensen_shannon(d: f64, rows: RowFacts, queries: RowFacts) -> Bound {
    let mass = d.sqrt() * (rows.norm + queries.norm);
    let floor = mass * (3.2 * gamma(2.0 * d + 16.0) + 64.0 * U) + d * 2f64.powi(-116);
    Bound { slack: 16.0 * U as f32, floor: up(floor), ..Bound::EXACT }
}

/// The product of q and log2 x, whose terms may cancel; the sum of q log2 q, which all scores of a query leave out, is no error. The score
/// is in units of ln 2.
fn kullback_leibler(d: f64, rows: RowFacts, queries: RowFacts) -> Option<(Bound, f32)> {
    let size = |facts: RowFacts| {
        let log = |v: f32| f64::from(v).log2().abs();
        // without any element there is no term
        if facts.largest == 0.0 { 0.0 } else { log(facts.smallest).max(log(facts.largest)) }
    };
    let mass = d.sqrt() * queries.norm;
    let most = mass * (size(rows) + 1.0);
    // beyond the limit by one zero alone, and far from overflow by all of them
    let (far, largest) = (2f64.powi(100), f64::from(queries.largest));
    if f64::from(queries.smallest) * far < 8.0 * most || largest * d >= 2f64.powi(24) {
        return None;
    }
    let logs = size(rows) + size(queries) + 2.0;
    let floor = mass * (2.0 * gamma(d + 16.0) * logs + 16.0 * U * logs + 64.0 * U);
    let bound =
        Bound { slack: 16.0 * U as f32, floor: up(floor + d * 2f64.powi(-114)), ..Bound::EXACT };
    Some((bound, up(2.0 * most + 1.0)))
}

/// Encodes the scores of a piece by the register tile, or where there is none, for few queries, by rows one after the other.
pub(crate) fn encode(
    encoder: &mut Encoder,
    scores: &Scores,
    piece: &Piece<'_>,
    (tile, direct): (Option<Tile>, Direct),
) -> Result<()> {
    let Direct { term, limit, .. } = direct;
    let (rows, nq) = (&piece.rows, scores.upload.count);
    let bn = tile.map_or(BIN as u32, |tile| tile.bn);
    let groups = fold(encoder.gpu(), (piece.end - piece.first).div_ceil(bn).into())?;
    let params = params::Scan { limit, ..piece.params(scores, bn, groups[0]) };
    let buffers = piece.buffers(scores, scores.floats()?, piece.bias);
    let (bitmap, map) = (scores.bitmap.is_some(), piece.row_map());
    let (variant, bm) = match (tile, rows.stored) {
        (Some(tile), stored) => {
            (kernels::scan_direct(&stored.operand(), tile, term, bitmap, map), tile.bm)
        }
        (None, Encoding::Rows(dtype)) => {
            let q = if nq >= 3 { term.most_queries() } else { nq };
            (kernels::scan_direct_row(dtype, term, q, bitmap, map), q)
        }
        (None, _) => return Err(missing("rows")),
    };
    encoder.dispatch(&variant, &buffers, &params, [nq.div_ceil(bm), groups[0], groups[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(metric: &Metric, facts: RowFacts) -> Option<Direct> {
        Direct::new(metric, Term::of(metric).unwrap(), 16, facts, facts)
    }

    #[test]
    fn scores_are_exact_only_where_the_distances_are() {
        let whole = RowFacts { norm: 20.0, largest: 5.0, smallest: 1.0, ..RowFacts::NONE };
        for metric in [Metric::L1, Metric::Linf] {
            assert_eq!(direct(&metric, whole).unwrap().bound, Bound::EXACT, "{metric}");
            let halves = RowFacts { whole: false, ..whole };
            assert_ne!(direct(&metric, halves).unwrap().bound, Bound::EXACT, "{metric}");
            let large = RowFacts { largest: 1e6, ..whole };
            assert_ne!(direct(&metric, large).unwrap().bound, Bound::EXACT, "{metric}");
        }
        for metric in [Metric::Lp(1.0), Metric::Lp(2.0), Metric::Canberra, Metric::Jaccard] {
            assert_ne!(direct(&metric, whole).unwrap().bound, Bound::EXACT, "{metric}");
        }
    }

    #[test]
    fn elements_that_a_term_is_not_for_are_left_to_the_definition() {
        let facts =
            RowFacts { smallest: 2f32.powi(-80), largest: 1.0, norm: 2.0, ..RowFacts::NONE };
        assert!(direct(&Metric::L1, facts).is_some() && direct(&Metric::Canberra, facts).is_none());
        let tiny = RowFacts { smallest: 2f32.powi(-101), ..facts };
        assert!(direct(&Metric::L1, tiny).is_none());
        // one zero has to be farther than all other terms together, and their sum within f32
        assert!(direct(&Metric::KlDivergence, facts).is_some());
        let small = RowFacts { smallest: 2f32.powi(-95), ..facts };
        assert!(direct(&Metric::KlDivergence, small).is_none());
        let large = RowFacts { largest: 2f32.powi(21), norm: 2f64.powi(21), ..facts };
        assert!(direct(&Metric::KlDivergence, large).is_none());
    }
}

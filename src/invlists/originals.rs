//! Rows that are compared in the place of their codes: the search of lists of codes for the nearest of the rows that these are of, which lie
//! on the device beside them, with its proof there.
//!
//! # The algorithm
//!
//! Stage A of the search (`score.rs`) scores what the codes stand for, y, and keeps the best score M of each bin, which is off by E at most. Each
//! row x has a slack e, so that |x - y| <= e with every rounding of either; the rows of a list lie in the order of their slack, so that that of
//! a page is about that of each of its rows. Then
//!
//! ```text
//! first   the rows of the bins with the best scores, somewhat more bins than k, are compared: r^2 = the k-th smallest distance of these
//! open    a row that is a hit is no farther than r, so that its code is no farther than r + e:
//!           M + E >= (|q|^2 - |q - y|^2) / 2 >= (|q|^2 - (r + e)^2) / 2                              hit_reach.wgsl, select_open.wgsl
//!         the rows of all bins of which that is true are compared; the k nearest are the answer
//! over    a query with more such bins than there is room for has all rows of its lists compared
//! ```
//!
//! Of inner products T = the k-th largest takes the place of r, and M + E + |q| e >= T. That is a proof and no estimate: which bins
//! are looked at first decides how many are open, and never what is found. So answers are those of the rows in the same lists, to
//! the bit.
//!
//! By r and not by |q| or the distance to the centroid, which is as good and costs a number a pair: of 100,000 x 128 rows near a plane of 32
//! dimensions in 512 lists, of which 32 are looked at, RaBitQ's codes of 4 bits leave 66 bins of 16 open for ten neighbours (400 queries, at most
//! 120 of some 440), and of a million rows in 4096 lists 70 (at most 107 of 560). More than 4 k are open of 98 in 100 queries, more than 8 k of
//! 21, more than 16 k of none: so there is room for 8 k and 176, and none of these queries was over. Without the order by slack it would be 130
//! bins, by the k-th best M - E in the place of r 350, since that counts the slack twice, and by |q| far from the origin all.
//!
//! # What it costs
//!
//! For such a query some 0.5 MB of codes, shared with other queries of the list, and the rows of 16 and of 70 bins, 0.7 MB in f32, for
//! itself. On an H100 the scan of 4 bits takes 1.1 times as long as that of the copy in f16, with 0.31 of its bytes (measured,
//! nvidia-h100/2026-11-27-refine.txt); 10,000 queries then read 7 GB of rows, which should take 3 to 4 ms more (expected, not measured).

use super::lists::InvertedLists;
use super::table::Table;
use crate::buffer::BIN;
use crate::call::Filter;
use crate::error::{Error, Result};
use crate::exact::{Dataset, MAX_CANDIDATES};
use std::sync::Arc;

/// Storage buffers of `select_open`, and how many more where scores are of copies.
const BINDINGS: u32 = 8;
const OF_COPIES: u32 = 2;

/// What the roots of distances, or products, may be off by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// Relative to a root.
    pub rounding: f32,
    /// What vanishes in one.
    pub vanished: f32,
}

/// The rows that the codes in lists are of, on the device.
#[derive(Clone)]
pub(crate) struct OriginalRows {
    /// In the order of the codes.
    pub(super) rows: Dataset,
    /// The pages of the lists, in the order of slack.
    pub(super) table: Arc<Table>,
    pub(super) gap: Gap,
}

/// The bins whose rows are compared first, and the rooms for these and for all that are open.
pub(super) struct Rounds {
    pub first: u32,
    pub rooms: [u32; 2],
}

impl Rounds {
    /// For `k` neighbours: few of them share a bin, and of codes that are off by much many more bins are open.
    pub fn of(k: u32) -> Rounds {
        let first = k + k / 4 + 4;
        let rooms = [first + first / 2 + 32, k.saturating_mul(8).saturating_add(176)];
        Rounds { first, rooms: rooms.map(|room| room.clamp(64, MAX_CANDIDATES)) }
    }
}

impl OriginalRows {
    /// `rows` in the order of the codes in `lists`, each with its slack.
    pub fn new(
        lists: &InvertedLists,
        rows: &Dataset,
        slack: &[f32],
        gap: Gap,
    ) -> Result<OriginalRows> {
        if rows.len() != lists.dataset().len() || slack.len() as u64 != rows.len() {
            let reason = format!("{} rows of {} codes", rows.len(), lists.dataset().len());
            return Err(Error::internal(reason));
        }
        Ok(OriginalRows { rows: rows.clone(), table: lists.new_table(Some(slack))?, gap })
    }

    /// Device memory, without the rows.
    pub fn bytes(&self) -> u64 {
        self.table.bytes()
    }

    /// Whether the device has bindings for all that a search of so many lists needs, which hold what comes of a query's rows.
    pub(super) fn fit(&self, lists: &InvertedLists, nprobe: usize, filter: &Filter) -> bool {
        let caps = self.rows.gpu().caps();
        let copies = lists.dataset().f16().map_or(0, |_| OF_COPIES);
        let widest = self.table.most_pages(nprobe) * BIN * 4;
        lists.binds(filter)
            && BINDINGS + copies <= caps.max_storage_buffers
            && widest <= caps.max_binding_bytes
    }
}

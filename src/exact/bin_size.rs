//! How many rows a bin of the scan has.

use crate::buffer::BIN;

/// Rows to a bin where many neighbours are wanted, or there are few rows: a tile of the matrix units.
const SMALL_BIN: u64 = 16;
/// Pairs of queries and rows, for each row of `scan.min_rows`, that are enough work for bins of fewer rows: below that all distances are
/// there sooner, in two dispatches instead of seven.
const PAIRS_A_ROW: u64 = 256;

/// Of so many rows all scores may be kept.
const FEW_ROWS: u64 = 16 << 10;
/// Bytes that a score takes on its way: it is written once and read twice or thrice.
const SCORE_BYTES: u64 = 12;

/// What decides.
pub(super) struct BinSize {
    pub rows: u64,
    pub queries: u64,
    /// Neighbours, and bytes of a row as it is rescored.
    pub k: u64,
    pub row_bytes: u64,
    /// Bins that may pass for a query.
    pub max_candidates: u64,
    /// Whether matrix units score the rows; bins of fewer than 64 rows are theirs.
    pub by_matrices: bool,
    /// Whether so many neighbours are wanted that bins of 64 rows would have too many rows that are none.
    pub many: bool,
    /// Whether each query has a filter of its own.
    pub bitmaps: bool,
    pub max_binding: u64,
    /// Rows from which on a scan runs at all; 0 forces it, for tests.
    pub min_rows: u64,
}

impl BinSize {
    /// Rows to a bin, the largest that the scan can tell apart: with fewer bins than twice the candidates nearly all would pass. `None`
    /// where a scan does not pay.
    pub fn choose(&self) -> Option<u64> {
        // for each neighbour at least a bin is rescored, which may be more than all scores
        let rescored = self.k * (SMALL_BIN - 1) * self.row_bytes;
        let all_scores =
            self.min_rows > 0 && self.rows <= FEW_ROWS && rescored > self.rows * SCORE_BYTES;
        let sizes: &[u64] = match (self.by_matrices, self.many) {
            (false, _) => &[BIN],
            (true, _) if all_scores => &[1, SMALL_BIN, BIN],
            (true, false) => &[BIN, SMALL_BIN, 1],
            (true, true) => &[SMALL_BIN, BIN, 1],
        };
        let bound = |&&bin: &&u64| {
            let bins = self.rows.div_ceil(bin);
            (bins * 4).max(self.max_candidates * bin * 4) <= self.max_binding
                && !(bin == 1 && self.bitmaps)
        };
        if self.min_rows == 0 {
            return sizes.iter().find(bound).copied();
        }
        let told = |&&bin: &&u64| self.rows.div_ceil(bin) >= 2 * self.max_candidates;
        let pairs = self.rows.saturating_mul(self.queries);
        let work = pairs >= self.min_rows.saturating_mul(PAIRS_A_ROW);
        let enough = |&&bin: &&u64| match bin {
            // few rows of large bins are no fewer candidates
            BIN => self.rows >= self.min_rows,
            _ => work || self.many && self.rows.div_ceil(BIN) >= 2 * self.max_candidates,
        };
        sizes.iter().filter(bound).filter(told).find(enough).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: u64, queries: u64, k: u64) -> BinSize {
        BinSize {
            rows,
            queries,
            k,
            row_bytes: 512,
            max_candidates: (k + k / 2 + 32).clamp(64, 3072),
            by_matrices: true,
            many: k > 64,
            bitmaps: false,
            max_binding: 1 << 30,
            min_rows: 4096,
        }
    }

    #[test]
    fn bins_are_small_where_rows_are_few_or_neighbours_many() {
        for (rows, queries, k, bin) in [
            (1 << 20, 10_000, 10, Some(64)),
            (1 << 20, 10_000, 100, Some(16)),
            // centroids
            (4096, 10_000, 1, Some(16)),
            (4096, 10_000, 32, Some(1)),
            (16 << 10, 10_000, 32, Some(1)),
            // too few pairs for small bins
            (16 << 10, 10, 32, Some(64)),
            (4096, 10_000, 128, Some(1)),
            (1024, 1 << 20, 1, Some(1)),
            // too little work, or nearly all rows pass
            (1024, 1000, 1, None),
            (4096, 10, 32, None),
            (4096, 10_000, 2048, None),
        ] {
            assert_eq!(of(rows, queries, k).choose(), bin, "{rows} rows, {queries} queries, {k}");
        }
        let tiles = BinSize { by_matrices: false, ..of(4096, 10_000, 1) };
        assert_eq!(tiles.choose(), None);
        let filtered = BinSize { bitmaps: true, ..of(4096, 10_000, 128) };
        assert_eq!(filtered.choose(), None);
        let narrow = BinSize { max_binding: 1 << 14, ..of(1 << 20, 100, 10) };
        assert_eq!(narrow.choose(), None);
        let forced = BinSize { min_rows: 0, ..of(100, 1, 10) };
        assert_eq!(forced.choose(), Some(64));
    }
}

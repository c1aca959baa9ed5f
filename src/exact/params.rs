//! What the kernels of exact search are passed by value.
//!
//! Words that come again: rows and queries are read in groups of four elements (of bits: 128), because a group of any type is one
//! load. `k4` is the groups of a row that hold elements, `stride4` the groups from one row to the next, padding included.
//! A dispatch that needs more workgroups than one dimension has is folded over two; `groups_x`, `groups_y` and `tiles_y` say how
//! many the first has.

use crate::kernel::params;

params! {
    /// Of `row_stats`.
    pub(crate) struct RowStats {
        /// Rows `first..last` of the segment get their numbers; it has `n`.
        pub first: u32,
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub groups_x: u32,
        pub dim: u32,
        /// The first bin of the segment among those of all.
        pub first_bin: u32,
        pub last: u32,
        /// No row counts as shorter in the norms of bins.
        pub least_norm: f32,
    }
}

params! {
    /// Of `row_queries`.
    pub(crate) struct RowQueries {
        /// Rows of this dispatch, and the query that the first becomes, of how many.
        pub n: u32,
        pub first: u32,
        pub nq: u32,
        pub k4: u32,
        pub stride4: u32,
        pub groups_x: u32,
        pub dim: u32,
    }
}

params! {
    /// Of `row_facts`.
    pub(crate) struct RowFacts {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub groups_x: u32,
        /// 1 where negative elements are refused.
        pub non_negative: u32,
        /// Elements of a row that are looked at for zeros: all, or none where nobody asks.
        pub counted: u32,
    }
}

params! {
    /// Of `mask_bias`.
    pub(crate) struct MaskBias {
        pub n: u32,
        /// The number of the segment's first row, which is its bit in the mask.
        pub first_row: u32,
        pub groups_x: u32,
        /// Biases written: behind the rows there are sentinels up to here.
        pub end: u32,
        pub factor: f32,
    }
}

params! {
    /// Of `f16_copy`.
    pub(crate) struct F16Copy {
        /// Rows `first..last` are copied, zeros follow up to row `end`.
        pub first: u32,
        pub last: u32,
        pub end: u32,
        pub k4: u32,
        pub stride4: u32,
        pub out_stride4: u32,
        pub groups_x: u32,
        pub factor: f32,
        pub dim: u32,
    }
}

params! {
    /// Of `int8_copy`.
    pub(crate) struct Int8Copy {
        pub first: u32,
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub out_stride4: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `codes_copy`.
    pub(crate) struct CodesCopy {
        /// Rows `first..last` of the segment are copied.
        pub first: u32,
        pub last: u32,
        pub k4: u32,
        pub stride4: u32,
        pub out_stride4: u32,
        pub groups_x: u32,
        /// Values that a code may have.
        pub levels: f32,
    }
}

params! {
    /// Of `fold_queries`.
    pub(crate) struct FoldQueries {
        /// Groups of four of all queries.
        pub n: u32,
        pub k4: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `residual`.
    pub(crate) struct Residual {
        pub first: u32,
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub out_stride4: u32,
        pub groups_x: u32,
        pub first_bin: u32,
        /// 1 / the factor of the copy.
        pub inverse: f32,
        pub dim: u32,
    }
}

params! {
    /// Of `scan_row`, `scan_tile`, `scan_direct`, `scan_bits`, their likes by rows, and `scan_key`.
    pub(crate) struct Scan {
        pub nq: u32,
        /// Rows of the segment before this end take part.
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub first_bin: u32,
        /// Bins from one query's to the next one's in `bin_best`.
        pub bin_stride: u32,
        pub tiles_y: u32,
        /// Words of a query's bitmap.
        pub words: u32,
        pub first_tile: u32,
        /// 1 / the factor of the copy that is read.
        pub inverse: f32,
        /// Elements of a row.
        pub dim: u32,
        /// Of Kullback-Leibler: no sum of a hit is as far below 0.
        pub limit: f32,
    }
}

params! {
    /// Of `scan_matrix`.
    pub(crate) struct ScanMatrix {
        pub nq: u32,
        pub n: u32,
        /// Elements of a row, up to whole slabs.
        pub k: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub first_bin: u32,
        pub bin_stride: u32,
        pub tiles_y: u32,
        pub first_tile: u32,
        /// 1 / the factors of both copies.
        pub inverse: f32,
        /// Tiles of rows that a workgroup takes one after the other.
        pub tiles: u32,
        pub words: u32,
    }
}

params! {
    /// Of `select_bins` and `select_range`; the bound's coefficients are those of [`Bound`](super::scan::bound::Bound).
    pub(crate) struct SelectBins {
        pub nq: u32,
        pub bins: u32,
        pub bin_stride: u32,
        /// Of a radius 0.
        pub k: u32,
        /// Bins that may be chosen for a query.
        pub max_candidates: u32,
        pub c0: f32,
        pub c1: f32,
        pub c2: f32,
        pub floor: f32,
        pub slack: f32,
        pub unit: f32,
        /// Where in `query_residual` the first query's stands.
        pub residual_at: u32,
    }
}

params! {
    /// Of `bin_groups`.
    pub(crate) struct BinGroups {
        pub bins: u32,
        pub bin_stride: u32,
        /// Groups of 64 bins of a query.
        pub groups: u32,
    }
}

params! {
    /// Of `rescore`.
    pub(crate) struct Rescore {
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub first_bin: u32,
        pub max_candidates: u32,
        /// Workgroups that share the bins of a query.
        pub lanes: u32,
        pub words: u32,
        /// The number of the segment's first row, which is its bit in a bitmap.
        pub first_row: u32,
        /// Of rows that are codes: where in the queries their ranges begin.
        pub ranges: u32,
    }
}

params! {
    /// Of `nearest_of_bins`.
    pub(crate) struct NearestOfBins {
        pub nq: u32,
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub bins: u32,
        pub bin_stride: u32,
        /// Where the answers of these queries begin.
        pub first: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `distance`.
    pub(crate) struct Distance {
        pub nq: u32,
        pub n: u32,
        pub dim: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        /// The first row, within the segment and among all.
        pub first: u32,
        pub first_row: u32,
        /// Of the bins of the index, that of the first row or position.
        pub first_bin: u32,
        pub out_stride: u32,
        pub groups_y: u32,
        pub words: u32,
        /// The parameter of the metric, if it has one.
        pub argument: f32,
        /// 0: every key, 1: the best of each bin, 2: those of chosen bins, 3: of chosen rows.
        pub mode: u32,
        pub max_candidates: u32,
        /// Of rows that are codes: where in the queries their ranges begin.
        pub ranges: u32,
    }
}

params! {
    /// Of `candidates`.
    pub(crate) struct Candidates {
        /// Rows of each query, and of how many of them there is room for candidates.
        pub k: u32,
        pub room: u32,
        /// Rows that have a number in the other stage.
        pub rows: u32,
    }
}

params! {
    /// Of `bins_agree`.
    pub(crate) struct BinsAgree {
        /// Bins that were chosen for each query.
        pub k: u32,
    }
}

params! {
    /// Of `range`.
    pub(crate) struct Range {
        /// Keys below it are hits.
        pub limit: u32,
        /// From one query's keys to the next one's; of chosen bins, how many there is room for.
        pub stride: u32,
        /// Of consecutive rows: how many, and the number of the first.
        pub n: u32,
        pub first_row: u32,
        pub groups_y: u32,
        pub first_query: u32,
    }
}

params! {
    /// Of `query_tables`.
    pub(crate) struct QueryTables {
        pub q_stride4: u32,
        /// From one query's products to the next one's.
        pub stride: u32,
        /// Parts before the first.
        pub skipped: u32,
        /// Workgroups that have parts and codes, of a query.
        pub groups: u32,
        /// Where the products with centroids begin, of how many lists a query.
        pub centers: u32,
        pub nprobe: u32,
        pub nlist: u32,
        pub k4: u32,
    }
}

params! {
    /// Of `scan_table`; words as those of [`Scan`].
    pub(crate) struct TableScan {
        pub n: u32,
        pub stride4: u32,
        pub first_bin: u32,
        pub bin_stride: u32,
        pub tiles_y: u32,
        pub words: u32,
        pub first_tile: u32,
        pub inverse: f32,
        /// Parts that are looked up, and a query's products.
        pub parts: u32,
        pub table_stride: u32,
    }
}

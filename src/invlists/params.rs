//! What the kernels of inverted lists are passed by value.

use crate::kernel::params;

params! {
    /// Of `list_rows`.
    pub(crate) struct ListRows {
        pub nlist: u32,
        /// Of the segment.
        pub pages: u32,
        /// The segment's first page among all, and its first row.
        pub first_page: u32,
        pub first_row: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `pairs`.
    pub(crate) struct Pairs {
        pub nlist: u32,
        pub nprobe: u32,
        /// Bins of a page.
        pub parts: u32,
    }
}

params! {
    /// Of `all_bins`.
    pub(crate) struct AllBins {
        pub nlist: u32,
        pub nprobe: u32,
        pub segments: u32,
        /// Bins that there is room for of each query.
        pub room: u32,
    }
}

params! {
    /// Of `list_work`.
    pub(crate) struct ListWork {
        pub nlist: u32,
        /// The segment's first among the lists of all segments.
        pub first_list: u32,
    }
}

params! {
    /// Of `join_work`.
    pub(crate) struct JoinWork {
        pub n: u32,
    }
}

params! {
    /// Of `pairs_by_list`.
    pub(crate) struct PairsByList {
        pub nlist: u32,
        pub nprobe: u32,
        /// Pairs.
        pub count: u32,
        /// Bins from one query's to the next one's.
        pub bin_stride: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `probed_rows`.
    pub(crate) struct ProbedRows {
        pub nq: u32,
        /// Rows, and words that they are to fill, from which one on.
        pub n: u32,
        pub fill: u32,
        pub first_word: u32,
        /// From one query's to the next one's.
        pub words: u32,
        pub list_words: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `scan_matrix`.
    pub(crate) struct ScanMatrix {
        pub nlist: u32,
        /// Elements of a row, up to whole slabs.
        pub k: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        /// Of all pages the segment's first, and its first list and row.
        pub first_page: u32,
        pub first_list: u32,
        pub first_row: u32,
        /// 1 / the factors of both copies.
        pub inverse: f32,
        pub words: u32,
        /// Workgroups.
        pub groups: u32,
    }
}

params! {
    /// Of `scan_row`.
    pub(crate) struct ScanRow {
        pub nlist: u32,
        pub nprobe: u32,
        pub k4: u32,
        pub stride4: u32,
        pub q_stride4: u32,
        pub bin_stride: u32,
        pub first_page: u32,
        pub first_list: u32,
        pub first_row: u32,
        pub inverse: f32,
        pub words: u32,
        /// Workgroups of a pair.
        pub lanes: u32,
    }
}

params! {
    /// Of `scan_table`; words as those of [`ScanRow`].
    pub(crate) struct ScanTable {
        pub nlist: u32,
        pub nprobe: u32,
        pub stride4: u32,
        pub bin_stride: u32,
        pub first_page: u32,
        pub first_list: u32,
        pub first_row: u32,
        pub inverse: f32,
        pub words: u32,
        /// Workgroups of a pair.
        pub lanes: u32,
        /// Parts that are looked up, a query's products, and where those with centroids begin.
        pub parts: u32,
        pub table_stride: u32,
        pub centers: u32,
    }
}

params! {
    /// Of `page_slack`.
    pub(crate) struct PageSlack {
        /// Of the segment, and the first of them among all.
        pub pages: u32,
        pub first_page: u32,
        pub groups_x: u32,
    }
}

params! {
    /// Of `bin_rows`.
    pub(crate) struct BinRows {
        /// Bins that there is room for of each query.
        pub room: u32,
        /// Positions of the segment, and the first of them among all.
        pub n: u32,
        pub first: u32,
        pub words: u32,
    }
}

params! {
    /// Of `hit_reach`.
    pub(crate) struct HitReach {
        pub k: u32,
        pub k4: u32,
        pub q_stride4: u32,
        /// Of a root of a distance, what it may be off by, and what vanishes in it.
        pub rounding: f32,
        pub vanished: f32,
        /// Of a sum of squares, what it may be too large by.
        pub margin: f32,
    }
}

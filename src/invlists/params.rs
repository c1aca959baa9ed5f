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

//! What a submission is about.

use super::lists::InvertedLists;
use super::originals::OriginalRows;
use super::table::Table;
use crate::buffer::Buffer;
use crate::exact::{Bitmap, Queries, ScanRows, Upload};

/// What is looked at: the rows, and the biases of a filter for all queries.
pub(super) struct Rows<'a> {
    pub lists: &'a InvertedLists,
    pub table: &'a Table,
    pub biases: Option<&'a [Buffer]>,
    /// Where the rows of the lists are codes: what is compared in their place.
    pub originals: Option<&'a OriginalRows>,
}

impl<'a> Rows<'a> {
    /// What a scan reads: the rows as they are `stored` alone, or with their copies.
    pub(super) fn scanned(&self, stored: bool) -> ScanRows<'a> {
        let all = self.table.scan_rows(self.lists.dataset());
        if stored { all.without_copies() } else { all }
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub queries: &'a Queries,
    pub upload: &'a Upload,
    pub bitmap: Option<&'a Bitmap>,
    /// The lists that each probes.
    pub probes: &'a Buffer,
}

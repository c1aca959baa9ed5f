//! The kernels of products that are looked up: every variant of them is made here.

use super::kernels::{QUERY_TABLES, SCAN_TABLE};
use super::params;
use crate::kernel::{RowMap, Variant};

/// Rows of a thread where there are many.
pub(crate) const PER: u32 = 4;

/// `listed`: with the products of centroids.
pub(crate) fn query_tables(listed: bool) -> Variant {
    Variant::new::<params::QueryTables>(QUERY_TABLES).flag("listed", listed)
}

/// Of codes of so many bits, a row of no list.
pub(crate) fn scan_table(bits: u32, scaled: bool, bitmap: bool, map: RowMap) -> Variant {
    Variant::new::<params::TableScan>(SCAN_TABLE)
        .word("dtype", "pq")
        .int("bits", bits)
        .implied("per", PER)
        .implied("skipped", false)
        .flag("scaled", scaled)
        .flag("bitmap", bitmap)
        .row_map(map)
}

/// The list of all variants, for the tests that translate them.
pub(super) fn variants() -> Vec<Variant> {
    let mut all: Vec<Variant> = [false, true].map(query_tables).into();
    for bits in 4..=8 {
        let flags = [(false, false), (true, false), (false, true), (true, true)];
        let rows = RowMap::IDENTITY;
        all.extend(flags.map(|(scaled, bitmap)| scan_table(bits, scaled, bitmap, rows)));
    }
    all.push(scan_table(8, false, false, RowMap::TABLE));
    all
}

//! The choices about rows that are codes, which cost more to read than to multiply: from how many queries on they are decoded into tiles.

use super::limit::Limit;
use super::lists::OF_LISTS;
use super::load::Load;
use super::table::Section;
use super::trial::{Part, Probe};
use super::tuner::{K, MANY, Tuner, probe};
use crate::shell::failure::Result;
use std::time::Instant;

const FEW: &str = "queries up to which codes are decoded row by row";
const LOOKED_UP: &str = "queries up to which products with codes are looked up";
const FEW_OF_LISTS: &str = "queries a list up to which its codes are decoded row by row";

impl Tuner<'_> {
    pub fn codes(&mut self, until: Instant) -> Result<Vec<Section>> {
        let now = Instant::now();
        let third = until.saturating_duration_since(now) / 3;
        let decoded = self.few_of_codes(now + third);
        Ok(vec![decoded, self.looked_up(now + 2 * third), self.few_of_code_lists(until)])
    }

    /// Up to how many queries the codes are decoded row by row, where nothing is looked up: both ways at every number.
    fn few_of_codes(&mut self, until: Instant) -> Section {
        let limit = Limit { section: "codes", key: "max_row_queries", what: FEW, of: "one by one" };
        self.few_or_tiles(limit, "scan_row_pq", until)
    }

    /// Up to how many queries the products with all that codes stand for are looked up.
    fn looked_up(&mut self, until: Instant) -> Section {
        let (key, what) = ("max_table_queries", LOOKED_UP);
        let limit = Limit { section: "codes", key, what, of: "looked up" };
        self.few_or_tiles(limit, "scan_table_pq", until)
    }

    /// The kernel that a limit is about up to every number of queries, and tiles.
    fn few_or_tiles(&mut self, limit: Limit, kernel: &str, until: Instant) -> Section {
        if Instant::now() >= until {
            return Section { skipped: 1, ..Section::empty("codes", limit.what) };
        }
        let most = self.queries[0];
        let sizes: Vec<u32> = (0..9).map(|i| 1 << i).filter(|&s| s as usize <= most).collect();
        let load = |&size: &u32| Load { codes: true, ..Load::flat(0, size as usize, K) };
        let loads: Vec<Load> = sizes.iter().map(load).collect();
        let tiles = if self.no_matrix().is_none() { "scan_matrix_pq" } else { "scan_tile_pq" };
        let [rows, tiles] = [(kernel, MANY), (tiles, 0)].map(|(kernel, few)| {
            // what is looked up goes before what is decoded row by row, and either before tiles
            let keys = ["max_row_queries", "max_table_queries"];
            let with = keys.map(|key| ("codes", key, if key == limit.key { few } else { 0 }));
            (self.with(&with), probe(kernel, Part::Device, loads.clone()))
        });
        self.both_ways(limit, &sizes, [rows, tiles])
    }

    /// The same in lists, of queries a list.
    fn few_of_code_lists(&mut self, until: Instant) -> Section {
        let limit =
            Limit { section: "codes", key: "max_list_queries", what: FEW_OF_LISTS, of: "a list" };
        if self.no_matrix().is_some() {
            let why = "without matrix units codes in lists are decoded row by row".to_owned();
            return Section { note: Some(why), ..Section::empty("codes", FEW_OF_LISTS) };
        }
        let (sizes, loads) = self.by_list(Load { codes: true, ..Load::flat(0, 0, K) });
        if loads.is_empty() || Instant::now() >= until {
            return Section { skipped: 1, ..Section::empty("codes", FEW_OF_LISTS) };
        }
        let [rows, tiles] =
            [("scan_row_rpq", MANY), ("scan_matrix_rpq", 0)].map(|(kernel, few)| {
                let words = vec![OF_LISTS.to_owned()];
                let probe = Probe { words, ..probe(kernel, Part::Device, loads.clone()) };
                // long lists would be looked up instead
                let with = [("codes", "max_list_queries", few), ("codes", "table_rows", 0)];
                (self.with(&with), probe)
            });
        self.both_ways(limit, &sizes, [rows, tiles])
    }
}

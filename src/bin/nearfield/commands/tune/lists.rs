//! The choices about inverted lists: up to how many queries a list its rows are read for one query at a time, and how many workgroups
//! go through lists either way.

use super::limit::Limit;
use super::load::{Load, nlist};
use super::shapes;
use super::sweep::Choice;
use super::table::Section;
use super::trial::{Part, Probe};
use super::tuner::{K, MANY, MARGIN, Tuner, probe};
use super::values::Change;
use crate::shell::failure::Result;
use std::time::Instant;

/// Lists that each query looks at.
const PROBES: usize = 32;
const FEW: &str = "queries a list up to which rows are read one query at a time";
/// A word that the kernels of lists have in their names, and those that choose the lists have not.
pub const OF_LISTS: &str = "table";

impl Tuner<'_> {
    /// Lists that each query looks at.
    fn nprobe(&self) -> usize {
        PROBES.min(nlist(&self.trials.sets[0]) / 2).max(1)
    }

    /// So many queries of the first rows, and their lists.
    fn of_lists(&self, queries: usize) -> Load {
        Load { nprobe: self.nprobe(), ..Load::flat(0, queries, K) }
    }

    /// Settings by which lists are gone through one way, whatever the number of queries.
    fn one_way(&self, few: u32) -> Vec<Change> {
        self.with(&[("lists", "max_row_queries", few), ("lists", "max_tile_queries", few)])
    }

    /// What multiplies lists, and the key that says from how many queries on.
    fn tiles_of_lists(&self) -> (&'static str, &'static str) {
        match self.multiplied() {
            true => ("max_row_queries", "scan_matrix_"),
            false => ("max_tile_queries", "scan_tile_"),
        }
    }

    pub fn lists(&mut self, until: Instant) -> Result<Vec<Section>> {
        let now = Instant::now();
        let third = until.saturating_duration_since(now) / 3;
        let few = self.few_of_lists(now + third)?;
        let many = self.groups_of_lists(now + 2 * third)?;
        let rows = self.rows_of_lists(until)?;
        Ok(vec![few, many, rows])
    }

    /// Up to how many queries a list its rows are read one query at a time: both ways at every number.
    fn few_of_lists(&mut self, until: Instant) -> Result<Section> {
        let (sizes, loads) = self.by_list(Load::flat(0, 0, K));
        if loads.is_empty() || Instant::now() >= until {
            return Ok(Section { skipped: 1, ..Section::empty("lists", FEW) });
        }
        let of = |kernel: &str| Probe {
            words: vec![OF_LISTS.to_owned()],
            ..probe(kernel, Part::Device, loads.clone())
        };
        let (key, kernel) = self.tiles_of_lists();
        let limit = Limit { section: "lists", key, what: FEW, of: "a list" };
        let rows = (self.one_way(MANY), of("scan_row_"));
        let tiles = (self.one_way(0), of(kernel));
        Ok(self.both_ways(limit, &sizes, [rows, tiles]))
    }

    /// Numbers of queries a list, and searches with so many, that are else like this one.
    pub fn by_list(&self, load: Load) -> (Vec<u32>, Vec<Load>) {
        let set = &self.trials.sets[load.set];
        let (nlist, nprobe) = (nlist(set), self.nprobe());
        let most = set.query_count();
        let queries = |size: u32| size as usize * nlist / nprobe;
        let sizes = (0..7).map(|i| 1 << i).filter(|&size| (1..=most).contains(&queries(size)));
        let sizes: Vec<u32> = sizes.collect();
        let of = |&size: &u32| Load { queries: queries(size), nprobe, ..load };
        let loads = sizes.iter().map(of).collect();
        (sizes, loads)
    }

    /// How many workgroups multiply lists.
    fn groups_of_lists(&mut self, until: Instant) -> Result<Section> {
        let loads = vec![self.of_lists(self.trials.sets[0].query_count())];
        let with = self.one_way(0);
        let what = "workgroups that multiply lists";
        let (_, kernel) = self.tiles_of_lists();
        self.workgroups(what, shapes::list_groups(), kernel, (loads, with), until)
    }

    /// How many workgroups read lists for few queries.
    fn rows_of_lists(&mut self, until: Instant) -> Result<Section> {
        let loads = [1, 10].map(|queries| self.of_lists(queries)).into();
        let with = self.one_way(MANY);
        let what = "workgroups that read lists for few queries";
        self.workgroups(what, shapes::list_rows(), "scan_row_", (loads, with), until)
    }

    fn workgroups(
        &mut self,
        what: &'static str,
        all: Vec<Vec<Change>>,
        kernel: &str,
        (loads, with): (Vec<Load>, Vec<Change>),
        until: Instant,
    ) -> Result<Section> {
        let words = vec![OF_LISTS.to_owned()];
        let probe = |_: &[Change]| Probe {
            words: words.clone(),
            ..probe(kernel, Part::Stage("scan"), loads.clone())
        };
        self.sweep(Choice {
            kernel: "lists",
            what,
            candidates: self.candidates(all),
            likely: 0,
            with,
            probe: &probe,
            margin: MARGIN,
            required: false,
            operations: false,
            until,
        })
    }
}

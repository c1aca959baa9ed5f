//! The choices about inverted lists: up to how many queries a list its rows are read for one query at a time, and how many workgroups
//! go through lists either way.

use super::choose::Outcome;
use super::limit::Limit;
use super::shapes;
use super::sweep::{Choice, fault};
use super::table::Section;
use super::trial::{Load, Part, Probe};
use super::tuner::{K, MANY, MARGIN, Tuner, probe};
use super::values::Change;
use crate::shell::failure::Result;
use std::time::Instant;

/// Lists that each query looks at.
const PROBES: usize = 32;
const FEW: &str = "queries a list up to which rows are read one query at a time";
/// A word that the kernels of lists have in their names, and those that choose the lists have not.
const OF_LISTS: &str = "table";

impl Tuner<'_> {
    fn nprobe(&self) -> usize {
        PROBES.min(self.trials.nlist(0) / 2).max(1)
    }

    /// So many queries of the first rows, and their lists.
    fn of_lists(&self, queries: usize) -> Load {
        Load { set: 0, queries, k: K, nprobe: self.nprobe() }
    }

    /// Settings by which lists are gone through one way, whatever the number of queries.
    fn one_way(&self, few: u32) -> Vec<Change> {
        self.with(&[("lists", "max_row_queries", few)])
    }

    pub fn lists(&mut self, until: Instant) -> Result<Vec<Section>> {
        let now = Instant::now();
        let third = until.saturating_duration_since(now) / 3;
        let few = self.few_of_lists(now + third)?;
        let many = self.groups_of_lists(now + 2 * third)?;
        let rows = self.rows_of_lists(until)?;
        Ok([few, many, Some(rows)].into_iter().flatten().collect())
    }

    /// Up to how many queries a list its rows are read one query at a time: both ways at every number.
    fn few_of_lists(&mut self, until: Instant) -> Result<Option<Section>> {
        if !self.multiplied() {
            let why = "without matrix units rows are read one query at a time".to_owned();
            return Ok(Some(Section { note: Some(why), ..Section::empty("lists", FEW) }));
        }
        if Instant::now() >= until {
            return Ok(Some(Section { skipped: 1, ..Section::empty("lists", FEW) }));
        }
        let (nlist, nprobe) = (self.trials.nlist(0), self.nprobe());
        let most = self.trials.sets[0].query_count();
        let queries = |size: u32| size as usize * nlist / nprobe;
        let sizes: Vec<u32> =
            (0..7).map(|i| 1 << i).filter(|&size| (1..=most).contains(&queries(size))).collect();
        let loads: Vec<Load> = sizes.iter().map(|&size| self.of_lists(queries(size))).collect();
        if loads.is_empty() {
            return Ok(Some(Section { skipped: 1, ..Section::empty("lists", FEW) }));
        }
        self.progress.phase(FEW, 2);
        let of = |kernel: &str| Probe {
            words: vec![OF_LISTS.to_owned()],
            ..probe(kernel, Part::Device, loads.clone())
        };
        let values = self.values.with(&self.one_way(0));
        let tiles = self.trials.measure(&values, &of("scan_matrix_"), None);
        self.progress.set(1);
        let Outcome::Timed(tiles) = tiles else {
            return Ok(Some(Section { note: fault(&tiles), ..Section::empty("lists", FEW) }));
        };
        let rows = Probe { each_load: true, ..of("scan_row_") };
        let values = self.values.with(&self.one_way(MANY));
        let outcome = self.trials.measure(&values, &rows, Some(&tiles));
        let (Outcome::Timed(times) | Outcome::Slow(times)) = &outcome else {
            return Ok(Some(Section { note: fault(&outcome), ..Section::empty("lists", FEW) }));
        };
        let limit = Limit { section: "lists", what: FEW, of: "a list" };
        Ok(Some(self.take_limit(limit, &sizes, &loads, [times, &tiles])))
    }

    /// How many workgroups multiply lists.
    fn groups_of_lists(&mut self, until: Instant) -> Result<Option<Section>> {
        if !self.multiplied() {
            return Ok(None);
        }
        let loads = vec![self.of_lists(self.trials.sets[0].query_count())];
        let with = self.one_way(0);
        let what = "workgroups that multiply lists";
        self.workgroups(what, shapes::list_groups(), "scan_matrix_", (loads, with), until).map(Some)
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

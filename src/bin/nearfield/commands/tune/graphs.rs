//! The choices about graphs: how many threads follow the edges for a query, and up to how many rows it is faster to compare them all.

use super::limit::Limit;
use super::load::Load;
use super::shapes;
use super::sweep::Choice;
use super::table::Section;
use super::trial::{Part, Probe};
use super::tuner::{K, MARGIN, Tuner, probe};
use super::values::Change;
use crate::shell::failure::Result;
use std::time::Instant;

/// Rows that a query keeps: what a graph does that is not told.
const EF: usize = 64;
/// Fewer rows nobody asks a graph for.
const FEWEST: usize = 256;
const FEW: &str = "rows up to which all of them are compared";
/// How the kernel's name begins.
const WALK: &str = "search_";

impl Tuner<'_> {
    pub fn graphs(&mut self, until: Instant) -> Result<Vec<Section>> {
        let now = Instant::now();
        let half = until.saturating_duration_since(now) / 2;
        Ok(vec![self.threads_of_walks(now + half)?, self.few_of_graphs(until)])
    }

    /// A batch that follows the edges of so many rows.
    fn walk_of(&self, rows: usize) -> Load {
        Load { ef: EF, rows, ..Load::flat(0, self.queries[0], K) }
    }

    /// How many threads a workgroup has.
    fn threads_of_walks(&mut self, until: Instant) -> Result<Section> {
        let loads = vec![self.walk_of(0)];
        let probe = |changes: &[Change]| {
            let threads = changes.iter().filter_map(Change::number);
            let words = threads.map(|threads| format!("threads{threads}")).collect();
            Probe { words, ..probe(WALK, Part::Stage("walk"), loads.clone()) }
        };
        self.sweep(Choice {
            kernel: "graph",
            what: "threads that follow edges for a query",
            candidates: self.candidates(shapes::walk_threads(self.gpu.caps())),
            likely: 0,
            with: self.with(&[]),
            probe: &probe,
            margin: MARGIN,
            required: false,
            operations: false,
            until,
        })
    }

    /// Up to how many rows the exact search of a batch is faster: both ways at every number.
    fn few_of_graphs(&mut self, until: Instant) -> Section {
        let limit = Limit { section: "graph", key: "exact_rows", what: FEW, of: "rows" };
        let set = &self.trials.sets[0];
        let all = set.rows.len() / set.dim;
        let sizes: Vec<usize> = (0..5).rev().map(|halved| all >> halved).collect();
        let sizes: Vec<usize> = sizes.into_iter().filter(|&rows| rows >= FEWEST).collect();
        if sizes.is_empty() || Instant::now() >= until {
            return Section { skipped: 1, ..Section::empty("graph", FEW) };
        }
        let exact = |&rows: &usize| Load { rows, ..Load::flat(0, self.queries[0], K) };
        let exact = probe("scan", Part::Device, sizes.iter().map(exact).collect());
        let walks = sizes.iter().map(|&rows| self.walk_of(rows)).collect();
        let walks = probe(WALK, Part::Device, walks);
        let numbers: Vec<u32> = sizes.iter().map(|&rows| rows as u32).collect();
        let with = self.with(&[]);
        self.both_ways(limit, &numbers, [(with.clone(), exact), (with, walks)])
    }
}

//! What all choices share: the trials, the values chosen so far, and how a trial is set up.

use super::load::Load;
use super::shapes;
use super::sweep::{self, Choice};
use super::table::Section;
use super::trial::{Part, Probe, Trials};
use super::values::{Change, Values, number};
use crate::shell::failure::Result;
use crate::shell::progress::Progress;
use nearfield::Gpu;
use std::time::Instant;

/// A candidate has to be so many times as fast as the values in force: less is noise.
pub const MARGIN: f64 = 1.05;
/// Neighbours that loads ask for.
pub const K: usize = 10;
/// More queries than any load has: as a limit, it sends all of them one way.
pub const MANY: u32 = 1 << 20;
/// Batches are whole tiles of any shape.
pub const BATCH: usize = 256;
/// Candidates of one choice with `--quick`.
const QUICK: usize = 8;

/// What all choices are made with.
pub struct Tuner<'a> {
    pub trials: Trials<'a>,
    pub gpu: &'a Gpu,
    /// What is chosen so far.
    pub values: Values,
    /// Queries of a batch for each set of rows: so many that the scan takes about as long over each set.
    pub queries: Vec<usize>,
    /// 10^9 operations a second that the scan reaches here, by which trials cut their submissions.
    pub gflops: u32,
    pub progress: &'a Progress,
    pub quick: bool,
    pub end: Instant,
}

/// Section, key and value of what a trial sets besides the candidate's values.
pub type Forced = [(&'static str, &'static str, u32)];

/// Settings by which the f32 scan reads the rows themselves, in register tiles, whatever the number of queries.
pub const TILES_ALONE: [(&str, &str, u32); 3] =
    [("scan", "max_row_queries", 0), ("matrix", "f16_copy", 0), ("matrix", "use", 0)];

/// Times one part of each load, of a kernel whose name begins so.
pub fn probe(kernel: &str, part: Part, loads: Vec<Load>) -> Probe {
    let (words, without) = (Vec::new(), Vec::new());
    Probe { kernel: kernel.to_owned(), words, without, part, loads, each_load: false }
}

impl Tuner<'_> {
    /// One batch for each set of rows.
    pub fn batches(&self) -> Vec<Load> {
        let batch = |(set, &queries): (usize, &usize)| Load::flat(set, queries, K);
        self.queries.iter().enumerate().map(batch).collect()
    }

    /// What a trial runs with: the scan, however few the rows are, in submissions of a length that fits.
    pub fn with(&self, forced: &Forced) -> Vec<Change> {
        let rates = ["submit", "matrix"].map(|section| (section, "gflops", self.gflops));
        let all = rates.iter().chain(&[("scan", "min_rows", 0)]).chain(forced);
        all.map(|(section, key, value)| number(section, key, *value)).collect()
    }

    pub fn candidates(&self, all: Vec<Vec<Change>>) -> Vec<Vec<Change>> {
        let mut all = shapes::after_present(all, &self.values);
        if self.quick {
            all.truncate(QUICK);
        }
        all
    }

    pub fn sweep(&mut self, choice: Choice<'_>) -> Result<Section> {
        sweep::run(&mut self.trials, &mut self.values, choice, self.progress)
    }
}

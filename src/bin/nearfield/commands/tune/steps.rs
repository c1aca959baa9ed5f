//! The choices in their order: each is made with what those before it chose.

use super::choose::{Outcome, estimate};
use super::shapes;
use super::sweep::{self, Choice, fault, rate};
use super::table::{Line, Section};
use super::trial::{Bench, Load, Part, Probe};
use super::values::{Change, Values, number};
use crate::args::Tuned;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use nearfield::Gpu;
use std::time::Instant;

/// A candidate has to be so much faster than what is in force: less is noise.
pub(super) const MARGIN: f64 = 1.05;
/// The f16 copy takes half as much memory again: it has to be worth that.
pub(super) const COPY_MARGIN: f64 = 1.2;
const WALL_MARGIN: f64 = 1.1;
/// Candidates of one choice with `--quick`.
const QUICK: usize = 8;
pub(super) const K: usize = 10;
/// A limit of few queries that none exceeds here.
pub(super) const MANY: u32 = 1 << 20;
/// Batches are whole tiles of any shape.
pub const BATCH: usize = 256;
/// The first round runs with what the profile takes the rate to be, which may be far off.
const ROUNDS: u64 = 3;

/// What all choices are made with.
pub struct Tuner<'a> {
    pub bench: Bench<'a>,
    pub gpu: &'a Gpu,
    /// What is chosen so far.
    pub values: Values,
    /// Queries that take the scan about as long for each set of rows.
    pub queries: Vec<usize>,
    /// What the scan is taken to reach, for trials alone: submissions as long as the profile means them to be.
    pub gflops: u32,
    pub progress: &'a Progress,
    pub quick: bool,
    pub end: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Tiles,
    Matrix,
    Walk,
    Copy,
    Few,
    Select,
    Rate,
    Spin,
}

/// What belongs to which part, and which share of the time each may take.
const STEPS: [(Step, Tuned, u32); 8] = [
    (Step::Tiles, Tuned::Scan, 8),
    (Step::Matrix, Tuned::Matrix, 8),
    (Step::Walk, Tuned::Matrix, 2),
    (Step::Copy, Tuned::Matrix, 2),
    (Step::Few, Tuned::Scan, 2),
    (Step::Select, Tuned::Select, 2),
    (Step::Rate, Tuned::Submit, 1),
    (Step::Spin, Tuned::Submit, 2),
];

/// Keys with numbers that a trial sets besides the candidate's.
type Forced = [(&'static str, &'static str, u32)];

/// Register tiles over rows without a copy.
const TILES_ALONE: [(&str, &str, u32); 3] =
    [("scan", "few", 0), ("matrix", "copy", 0), ("matrix", "use", 0)];

pub(super) fn probe(kernel: &str, part: Part, loads: Vec<Load>) -> Probe {
    let (words, without) = (Vec::new(), Vec::new());
    Probe { kernel: kernel.to_owned(), words, without, part, loads, each_load: false }
}

impl Tuner<'_> {
    /// Makes the choices of some parts.
    pub fn run(&mut self, parts: &[Tuned]) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        let steps: Vec<_> = STEPS.iter().filter(|(_, part, _)| parts.contains(part)).collect();
        for (place, (step, _, share)) in steps.iter().enumerate() {
            let (now, shares) =
                (Instant::now(), steps[place..].iter().map(|(.., s)| s).sum::<u32>());
            let until = now + self.end.saturating_duration_since(now) * *share / shares.max(1);
            let mut found = match step {
                Step::Tiles => vec![self.tiles(until)?],
                Step::Matrix => vec![self.matrix(until)?],
                Step::Walk => self.walk(until)?.into_iter().collect(),
                Step::Copy => self.copy(until)?.into_iter().collect(),
                Step::Few => vec![self.few(until)?],
                Step::Select => vec![self.select(until)?],
                Step::Rate => self.rates(until)?,
                Step::Spin => vec![self.spin(until)?],
            };
            sections.append(&mut found);
        }
        Ok(sections)
    }

    /// One batch for each set of rows.
    pub(super) fn batches(&self) -> Vec<Load> {
        let batch = |(set, &queries): (usize, &usize)| Load { set, queries, k: K };
        self.queries.iter().enumerate().map(batch).collect()
    }

    /// What a trial runs with: the scan, however few the rows are, in submissions of a length that fits.
    pub(super) fn with(&self, forced: &Forced) -> Vec<Change> {
        let rates = ["submit", "matrix"].map(|section| (section, "gflops", self.gflops));
        let all = rates.iter().chain(&[("scan", "min_rows", 0)]).chain(forced);
        all.map(|(section, key, value)| number(section, key, *value)).collect()
    }

    pub(super) fn candidates(&self, all: Vec<Vec<Change>>) -> Vec<Vec<Change>> {
        let mut all = shapes::after_present(all, &self.values);
        if self.quick {
            all.truncate(QUICK);
        }
        all
    }

    pub(super) fn sweep(&mut self, choice: Choice<'_>) -> Result<Section> {
        sweep::run(&mut self.bench, &mut self.values, choice, self.progress)
    }

    fn tiles(&mut self, until: Instant) -> Result<Section> {
        let (all, likely) = shapes::tiles(self.gpu);
        let loads = self.batches();
        let probe = |changes: &[Change]| {
            let words = changes.iter().map(|c| format!("{}{}", c.key, c.text())).collect();
            Probe { words, ..probe("scan_tile_", Part::Stage("scan"), loads.clone()) }
        };
        self.sweep(Choice {
            kernel: "scan",
            what: "tile of the f32 scan",
            candidates: self.candidates(all),
            likely,
            with: self.with(&TILES_ALONE),
            probe: &probe,
            margin: MARGIN,
            required: true,
            operations: true,
            until,
        })
    }

    fn few(&mut self, until: Instant) -> Result<Section> {
        if Instant::now() >= until {
            let what = "queries up to which rows are read one by one";
            return Ok(Section { skipped: 1, ..Section::empty("scan", what) });
        }
        let sizes: Vec<u32> = (0..9).map(|i| 1 << i).collect();
        let sizes: Vec<u32> =
            sizes.into_iter().filter(|&s| s as usize <= self.queries[0]).collect();
        let loads: Vec<Load> =
            sizes.iter().map(|&s| Load { set: 0, queries: s as usize, k: K }).collect();
        let kernel = if self.multiplied() { "scan_matrix_" } else { "scan_tile_" };
        let tiles = probe(kernel, Part::Device, loads.clone());
        let single = Probe { each_load: true, ..probe("scan_row_", Part::Device, loads) };
        let changes =
            [0, MANY].map(|few| self.with(&[("scan", "few", few), ("matrix", "few", few)]));
        let probes = [&tiles, &single];
        sweep::few(&mut self.bench, &mut self.values, probes, &sizes, &changes, self.progress)
    }

    fn select(&mut self, until: Instant) -> Result<Section> {
        let queries = self.queries[0];
        let load = |queries, k| Load { set: 0, queries, k };
        let loads = vec![load(1, K), load(queries, K), load(queries, 10 * K)];
        let probe = |changes: &[Change]| {
            let words = changes.iter().map(|c| format!("{}{}", c.key, c.text())).collect();
            Probe { words, ..probe("select_bins_", Part::Stage("select"), loads.clone()) }
        };
        self.sweep(Choice {
            kernel: "select",
            what: "threads that select",
            candidates: self.candidates(shapes::select_threads(self.gpu.caps())),
            likely: 0,
            with: self.with(&[]),
            probe: &probe,
            margin: MARGIN,
            required: true,
            operations: false,
            until,
        })
    }

    /// What the scans reach, which submissions are cut by: the least of all dimensions.
    fn rates(&mut self, until: Instant) -> Result<Vec<Section>> {
        let mut ways =
            vec![("submit", "scan_tile_", self.with(&TILES_ALONE), "rate of the f32 tiles")];
        if self.multiplied() {
            let with = self.with(&[("scan", "few", 0)]);
            ways.push(("matrix", "scan_matrix_", with, "rate of the matrix units"));
        }
        let mut sections = Vec::new();
        for (section, kernel, with, what) in ways {
            if Instant::now() >= until {
                sections.push(Section { skipped: 1, ..Section::empty("submit", what) });
                continue;
            }
            self.progress.phase(what, 0);
            let probe = probe(kernel, Part::Stage("scan"), self.batches());
            let outcome = self.bench.measure(&self.values.with(&with), &probe, None);
            let Outcome::Timed(times) = &outcome else {
                let why = fault(&outcome).unwrap_or_default();
                return Err(Failure::Work(format!("{what}: it does not run rightly here: {why}")));
            };
            let each = probe.loads.iter().zip(times);
            let reached = each.filter_map(|(l, t)| rate(&self.bench, &[*l], &[*t], true));
            let least = reached.fold(f64::MAX, f64::min);
            let present = self.values.number(section, "gflops");
            let gflops = estimate(least, present);
            self.values = self.values.with(&[number(section, "gflops", gflops)]);
            let line = Line {
                name: format!("gflops {gflops}"),
                milliseconds: Some(times.iter().sum::<f64>() / 1e6),
                rate: Some(least),
                relative: None,
                checked: true,
                note: String::new(),
                present: gflops == present,
                chosen: true,
            };
            let note = Some(format!("{section}.gflops {gflops}, was {present}"));
            let lines = vec![line];
            let section =
                Section { operations: true, lines, note, ..Section::empty("submit", what) };
            sections.push(section);
        }
        Ok(sections)
    }

    fn spin(&mut self, until: Instant) -> Result<Section> {
        let what = "microseconds to look for the end before sleeping";
        if self.gpu.caps().software {
            let why = "the driver computes on the processor that would wait".to_owned();
            return Ok(Section { note: Some(why), ..Section::empty("submit", what) });
        }
        let loads = vec![Load { set: 0, queries: 1, k: K }];
        let probe = |_: &[Change]| probe("scan_", Part::Wall, loads.clone());
        self.sweep(Choice {
            kernel: "submit",
            what,
            candidates: self.candidates(shapes::spins()),
            likely: 0,
            with: self.with(&[]),
            probe: &probe,
            margin: WALL_MARGIN,
            required: true,
            operations: false,
            until,
        })
    }

    /// Finds numbers of queries that keep the scan busy for about `milliseconds`, and what it reaches then.
    pub fn calibrate(&mut self, milliseconds: f64) -> Result<()> {
        self.progress.phase("finding the size of the work", ROUNDS);
        for round in 0..ROUNDS {
            let probe = probe("scan_tile_", Part::Stage("scan"), self.batches());
            let values = self.values.with(&self.with(&TILES_ALONE));
            let outcome = self.bench.measure(&values, &probe, None);
            let Outcome::Timed(times) = &outcome else {
                let why = fault(&outcome).unwrap_or_default();
                return Err(Failure::Work(format!(
                    "the profile in force does not run here: {why}"
                )));
            };
            let before = self.queries.clone();
            let mut least = f64::MAX;
            for (load, time) in probe.loads.iter().zip(times) {
                let reached = self.bench.operations(load) / time;
                least = least.min(reached);
                let one = self.bench.operations(&Load { queries: 1, ..*load });
                let fitting = (reached * milliseconds * 1e6 / one) as usize / BATCH * BATCH;
                let most = self.bench.sets[load.set].query_count();
                self.queries[load.set] = fitting.max(BATCH).min(most);
            }
            let gflops = least.clamp(1.0, 1e9) as u32;
            let settled = gflops <= self.gflops.saturating_mul(2) && self.queries == before;
            self.gflops = gflops;
            self.progress.set(round + 1);
            if settled {
                break;
            }
        }
        Ok(())
    }
}

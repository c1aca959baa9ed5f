//! The choices about threads that select, the rate that submissions are cut by, and how a thread waits for them.

use super::choose::{Outcome, estimate};
use super::load::Load;
use super::shapes;
use super::sweep::{Choice, fault, rate};
use super::table::{Line, Section};
use super::trial::{Part, Probe};
use super::tuner::{K, MARGIN, TILES_ALONE, Tuner, probe};
use super::values::{Change, number};
use crate::shell::failure::{Failure, Result};
use std::time::Instant;

/// How much faster a way to wait has to be: wall times are noisier than the device's.
const WALL_MARGIN: f64 = 1.1;

impl Tuner<'_> {
    pub fn select(&mut self, until: Instant) -> Result<Section> {
        let queries = self.queries[0];
        let load = |queries, k| Load::flat(0, queries, k);
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
    pub fn rates(&mut self, until: Instant) -> Result<Vec<Section>> {
        let mut ways =
            vec![("submit", "scan_tile_", self.with(&TILES_ALONE), "rate of the f32 tiles")];
        if self.multiplied() {
            let with = self.with(&[("scan", "max_row_queries", 0)]);
            ways.push(("matrix", "scan_matrix_", with, "rate of the matrix units"));
        }
        let mut sections = Vec::new();
        for (section, kernel, with, what) in ways {
            if Instant::now() >= until {
                sections.push(Section { skipped: 1, ..Section::empty("submit", what) });
                continue;
            }
            sections.push(self.rate(section, kernel, &with, what)?);
        }
        Ok(sections)
    }

    /// What one kernel reaches, taken into the section of the profile that cuts its submissions.
    fn rate(
        &mut self,
        section: &'static str,
        kernel: &str,
        with: &[Change],
        what: &str,
    ) -> Result<Section> {
        self.progress.phase(what, 0);
        let probe = probe(kernel, Part::Stage("scan"), self.batches());
        let outcome = self.trials.measure(&self.values.with(with), &probe, None);
        let Outcome::Timed(times) = &outcome else {
            let why = fault(&outcome).unwrap_or_default();
            return Err(Failure::Work(format!("{what}: it does not run rightly here: {why}")));
        };
        let each = probe.loads.iter().zip(times);
        let reached = each.filter_map(|(l, t)| rate(&self.trials, &[*l], &[*t], true));
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
        let (lines, note) = (vec![line], Some(format!("{section}.gflops {gflops}, was {present}")));
        Ok(Section { operations: true, lines, note, ..Section::empty("submit", what) })
    }

    pub fn spin(&mut self, until: Instant) -> Result<Section> {
        let what = "microseconds to look for the end before sleeping";
        if self.gpu.caps().software {
            let why = "the driver computes on the processor that would wait".to_owned();
            return Ok(Section { note: Some(why), ..Section::empty("submit", what) });
        }
        let loads = vec![Load::flat(0, 1, K)];
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
}

//! The choices about the f32 scan: its tile, and up to how many queries rows are read one by one instead.

use super::choose::{Outcome, crossing};
use super::shapes;
use super::sweep::{Choice, fault, rate};
use super::table::{Line, Section};
use super::trial::{Load, Part, Probe};
use super::tuner::{K, MANY, MARGIN, TILES_ALONE, Tuner, probe};
use super::values::{Change, number};
use crate::shell::failure::{Failure, Result};
use std::time::Instant;

/// How many times as fast one way has to be: the two are measured one after the other, while the machine's load changes,
/// and near the limit neither is worse.
const FEW_MARGIN: f64 = 1.2;
/// What the choice is called.
const FEW: &str = "queries up to which rows are read one by one";

impl Tuner<'_> {
    pub fn tiles(&mut self, until: Instant) -> Result<Section> {
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

    /// Up to how many queries the rows are read one by one: both ways at every number of queries, in one section.
    pub fn few(&mut self, until: Instant) -> Result<Section> {
        if Instant::now() >= until {
            return Ok(Section { skipped: 1, ..Section::empty("scan", FEW) });
        }
        let most = self.queries[0];
        let sizes: Vec<u32> = (0..9).map(|i| 1 << i).filter(|&s| s as usize <= most).collect();
        let load = |&size: &u32| Load { set: 0, queries: size as usize, k: K, nprobe: 0 };
        let loads: Vec<Load> = sizes.iter().map(load).collect();
        let [tiles_alone, rows_alone] = [0, MANY].map(|few| {
            self.with(&[("scan", "max_row_queries", few), ("matrix", "max_row_queries", few)])
        });
        self.progress.phase(FEW, 2);

        let kernel = if self.multiplied() { "scan_matrix_" } else { "scan_tile_" };
        let probe_tiles = probe(kernel, Part::Device, loads.clone());
        let tiles = self.trials.measure(&self.values.with(&tiles_alone), &probe_tiles, None);
        self.progress.set(1);
        let Outcome::Timed(tiles) = tiles else {
            let why = fault(&tiles).unwrap_or_default();
            return Err(Failure::Work(format!("{FEW}: tiles do not run rightly here: {why}")));
        };
        let probe_rows = Probe { each_load: true, ..probe("scan_row_", Part::Device, loads) };
        let values = self.values.with(&rows_alone);
        let outcome = self.trials.measure(&values, &probe_rows, Some(&tiles));
        let (Outcome::Timed(rows) | Outcome::Slow(rows)) = &outcome else {
            return Ok(Section { note: fault(&outcome), ..Section::empty("scan", FEW) });
        };
        Ok(self.take_limit(&sizes, &probe_rows.loads, rows, &tiles))
    }

    /// Takes the number of queries at which tiles begin to win, from the times of both ways.
    fn take_limit(
        &mut self,
        sizes: &[u32],
        loads: &[Load],
        rows: &[f64],
        tiles: &[f64],
    ) -> Section {
        let present = self.values.number("scan", "max_row_queries");
        let few = crossing(sizes, rows, tiles, present, FEW_MARGIN);
        let measured = sizes.iter().zip(loads).zip(rows.iter().zip(tiles));
        let lines = measured.map(|((&size, load), (rows, tiles))| Line {
            name: format!("{size} one by one"),
            milliseconds: Some(rows / 1e6),
            rate: rate(&self.trials, &[*load], &[*rows], false),
            relative: Some(tiles / rows),
            checked: true,
            note: "relative to tiles".to_owned(),
            present: size <= present,
            chosen: size <= few,
        });
        let lines = lines.collect();
        self.values = self.values.with(&[number("scan", "max_row_queries", few)]);
        let note = Some(format!("max_row_queries {few}, was {present}"));
        Section { lines, note, ..Section::empty("scan", FEW) }
    }
}

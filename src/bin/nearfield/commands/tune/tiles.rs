//! The choices about the f32 scan: its tile, and up to how many queries rows are read one by one instead.

use super::choose::Outcome;
use super::limit::Limit;
use super::load::Load;
use super::shapes;
use super::sweep::{Choice, fault};
use super::table::Section;
use super::trial::{Part, Probe};
use super::tuner::{K, MANY, MARGIN, TILES_ALONE, Tuner, probe};
use super::values::Change;
use crate::shell::failure::{Failure, Result};
use std::time::Instant;

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
        let load = |&size: &u32| Load::flat(0, size as usize, K);
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
        let limit = Limit { section: "scan", key: "max_row_queries", what: FEW, of: "one by one" };
        Ok(self.take_limit(limit, &sizes, &probe_rows.loads, [rows, &tiles]))
    }
}

//! The choices about matrix units: their tile and what they multiply, and whether a copy of the rows is worth its memory.

use super::load::Load;
use super::shapes;
use super::sweep::Choice;
use super::table::Section;
use super::trial::{Part, Probe};
use super::tuner::{K, MANY, MARGIN, Tuner, probe};
use super::values::Change;
use crate::shell::failure::Result;
use nearfield::DType;
use std::time::Instant;
use toml::Value;

/// The f16 copy takes half as much memory again: it has to be worth that.
const COPY_MARGIN: f64 = 1.2;

impl Tuner<'_> {
    /// Whether the matrix units are there and the profile lets them be used.
    pub fn no_matrix(&self) -> Option<&'static str> {
        if !shapes::matrix_units(self.gpu.caps()) {
            return Some("the adapter has no matrices of f16 or f32 into f32");
        }
        (self.values.number("matrix", "use") == 0).then_some("matrix.use is 0 in the profile")
    }

    /// Whether matrix units multiply f32 rows without a copy.
    fn direct(&self) -> bool {
        self.no_matrix().is_none() && self.gpu.caps().matrix_edge(DType::F32).is_some()
    }

    /// Whether they multiply the rows as the values stand.
    pub fn multiplied(&self) -> bool {
        let copied = self.values.number("matrix", "f16_copy") != 0;
        self.direct() || (copied && self.no_matrix().is_none())
    }

    fn input_f32(&self) -> bool {
        self.direct() && self.values.get("matrix", "input").and_then(Value::as_str) == Some("f32")
    }

    pub fn matrix(&mut self, until: Instant) -> Result<Section> {
        let what = "tile of the matrix units";
        if let Some(why) = self.no_matrix() {
            return Ok(Section { note: Some(why.into()), ..Section::empty("matrix", what) });
        }
        let (all, likely) = shapes::matrix_tiles(self.gpu.caps());
        let loads = self.batches();
        let probe = |changes: &[Change]| {
            let word = |c: &Change| match (c.key, c.text().as_str()) {
                ("bias", _) => None,
                ("input", "f32") => Some("f32".to_owned()),
                ("input", _) => Some("f16copy".to_owned()),
                (key, value) => Some(format!("{key}{value}")),
            };
            let words = changes.iter().filter_map(word).collect();
            let mut probe =
                Probe { words, ..probe("scan_matrix_", Part::Stage("scan"), loads.clone()) };
            let epilogue = changes.iter().any(|c| c.text() == "epilogue");
            let side = if epilogue { &mut probe.words } else { &mut probe.without };
            side.push("epilogue".to_owned());
            probe
        };
        self.sweep(Choice {
            kernel: "matrix",
            what,
            candidates: self.candidates(all),
            likely,
            with: self.with(&[("scan", "max_row_queries", 0), ("matrix", "f16_copy", 1)]),
            probe: &probe,
            margin: MARGIN,
            required: false,
            operations: true,
            until,
        })
    }

    pub fn walk(&mut self, until: Instant) -> Result<Option<Section>> {
        if self.no_matrix().is_some() {
            return Ok(None);
        }
        let loads = self.batches();
        let probe = |_: &[Change]| probe("scan_matrix_", Part::Stage("scan"), loads.clone());
        self.sweep(Choice {
            kernel: "matrix",
            what: "tiles of rows that a workgroup takes",
            candidates: self.candidates(shapes::walks()),
            likely: 0,
            with: self.with(&[("scan", "max_row_queries", 0), ("matrix", "f16_copy", 1)]),
            probe: &probe,
            margin: MARGIN,
            required: false,
            operations: true,
            until,
        })
        .map(Some)
    }

    pub fn copy(&mut self, until: Instant) -> Result<Option<Section>> {
        if self.no_matrix().is_some() {
            return Ok(None);
        }
        // Where the matrix units multiply f32 rows as they are, only single queries read the copy.
        let single = self.input_f32();
        let of = |set| Load::flat(set, 1, K);
        let loads = if single { (0..self.queries.len()).map(of).collect() } else { self.batches() };
        let without = match (single, self.direct()) {
            (true, _) => "scan_row_f32",
            (false, true) => "scan_matrix_f32",
            (false, false) => "scan_tile_",
        };
        let with = if single { "scan_row_f16copy" } else { "scan_matrix_f16copy" };
        let probe = |changes: &[Change]| {
            let copy = changes.iter().any(|c| c.number() == Some(1));
            probe(if copy { with } else { without }, Part::Device, loads.clone())
        };
        let few = if single { MANY } else { 0 };
        self.sweep(Choice {
            kernel: "matrix",
            what: "f16 copy of the rows",
            candidates: self.candidates(shapes::copies()),
            likely: 0,
            with: self
                .with(&[("scan", "max_row_queries", few), ("matrix", "max_row_queries", few)]),
            probe: &probe,
            margin: COPY_MARGIN,
            required: true,
            operations: true,
            until,
        })
        .map(Some)
    }
}

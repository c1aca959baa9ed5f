//! Up to how many queries rows are read one by one rather than in tiles: what is taken where both ways were timed at every number.

use super::choose::crossing;
use super::sweep::rate;
use super::table::{Line, Section};
use super::trial::Load;
use super::tuner::Tuner;
use super::values::number;

/// How many times as fast one way has to be: the two are measured one after the other, while the machine's load changes,
/// and near the limit neither is worse.
const FEW_MARGIN: f64 = 1.2;

/// The profile's `max_row_queries` of a section, and in which words it is told of.
pub struct Limit {
    pub section: &'static str,
    pub what: &'static str,
    /// What a number of queries is called.
    pub of: &'static str,
}

impl Tuner<'_> {
    /// Takes the number of queries at which tiles begin to win, from the times of both ways.
    pub fn take_limit(
        &mut self,
        Limit { section, what, of }: Limit,
        sizes: &[u32],
        loads: &[Load],
        [rows, tiles]: [&[f64]; 2],
    ) -> Section {
        let present = self.values.number(section, "max_row_queries");
        let few = crossing(sizes, rows, tiles, present, FEW_MARGIN);
        let measured = sizes.iter().zip(loads).zip(rows.iter().zip(tiles));
        let lines = measured.map(|((&size, load), (rows, tiles))| Line {
            name: format!("{size} {of}"),
            milliseconds: Some(rows / 1e6),
            rate: rate(&self.trials, &[*load], &[*rows], false),
            relative: Some(tiles / rows),
            checked: true,
            note: "relative to tiles".to_owned(),
            present: size <= present,
            chosen: size <= few,
        });
        let lines = lines.collect();
        self.values = self.values.with(&[number(section, "max_row_queries", few)]);
        let note = Some(format!("max_row_queries {few}, was {present}"));
        Section { lines, note, ..Section::empty(section, what) }
    }
}

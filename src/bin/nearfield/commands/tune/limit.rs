//! Up to how many queries rows are read one by one rather than in tiles: what is taken where both ways were timed at every number.

use super::choose::{Outcome, crossing};
use super::load::Load;
use super::sweep::{fault, rate};
use super::table::{Line, Section};
use super::trial::Probe;
use super::tuner::Tuner;
use super::values::{Change, number};

/// How many times as fast one way has to be: the two are measured one after the other, while the machine's load changes,
/// and near the limit neither is worse.
const FEW_MARGIN: f64 = 1.2;

/// A key that says up to which number rows are read one by one, and in which words it is told of.
#[derive(Clone, Copy)]
pub struct Limit {
    pub section: &'static str,
    pub key: &'static str,
    pub what: &'static str,
    /// What a number is called.
    pub of: &'static str,
}

/// A way: what it is set by, and how it is known and measured.
pub type Way = (Vec<Change>, Probe);

impl Tuner<'_> {
    /// Times both ways at every number, tiles first, and takes the number at which these begin to win.
    pub fn both_ways(&mut self, limit: Limit, sizes: &[u32], [rows, tiles]: [Way; 2]) -> Section {
        let nothing = |note| Section { note, ..Section::empty(limit.section, limit.what) };
        self.progress.phase(limit.what, 2);
        let values = self.values.with(&tiles.0);
        let outcome = self.trials.measure(&values, &tiles.1, None);
        self.progress.set(1);
        let Outcome::Timed(tiles) = outcome else { return nothing(fault(&outcome)) };
        let (with, probe) = (rows.0, Probe { each_load: true, ..rows.1 });
        let outcome = self.trials.measure(&self.values.with(&with), &probe, Some(&tiles));
        let (Outcome::Timed(rows) | Outcome::Slow(rows)) = &outcome else {
            return nothing(fault(&outcome));
        };
        self.take_limit(limit, sizes, &probe.loads, [rows, &tiles])
    }

    /// Takes the number at which tiles begin to win, from the times of both ways.
    pub fn take_limit(
        &mut self,
        Limit { section, key, what, of }: Limit,
        sizes: &[u32],
        loads: &[Load],
        [rows, tiles]: [&[f64]; 2],
    ) -> Section {
        let present = self.values.number(section, key);
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
        self.values = self.values.with(&[number(section, key, few)]);
        let note = Some(format!("{key} {few}, was {present}"));
        Section { lines, note, ..Section::empty(section, what) }
    }
}

//! Up to how many queries one way is taken rather than another: what is chosen where both were timed at every number.

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

/// A key that says how far one way is taken, and in which words it is told of.
#[derive(Clone, Copy)]
pub struct Limit {
    pub section: &'static str,
    pub key: &'static str,
    pub what: &'static str,
    /// What a number is called.
    pub of: &'static str,
    /// What the way above it is called.
    pub than: &'static str,
    /// 1 where the key is the first number above the limit, not the limit itself.
    pub above: u32,
}

/// A way: what it is set by, and how it is known and measured.
pub type Way = (Vec<Change>, Probe);

impl Tuner<'_> {
    /// Times both ways at every number, the one above the limit first, and takes the number at which that begins to win.
    pub fn both_ways(&mut self, limit: Limit, sizes: &[u32], [below, above]: [Way; 2]) -> Section {
        let nothing = |note| Section { note, ..Section::empty(limit.section, limit.what) };
        self.progress.phase(limit.what, 2);
        let values = self.values.with(&above.0);
        let outcome = self.trials.measure(&values, &above.1, None);
        self.progress.set(1);
        let Outcome::Timed(above) = outcome else { return nothing(fault(&outcome)) };
        let (with, probe) = (below.0, Probe { each_load: true, ..below.1 });
        let outcome = self.trials.measure(&self.values.with(&with), &probe, Some(&above));
        let (Outcome::Timed(below) | Outcome::Slow(below)) = &outcome else {
            return nothing(fault(&outcome));
        };
        self.take_limit(limit, sizes, &probe.loads, [below, &above])
    }

    /// Takes the number at which the other way begins to win, from the times of both.
    pub fn take_limit(
        &mut self,
        Limit { section, key, what, of, than, above }: Limit,
        sizes: &[u32],
        loads: &[Load],
        [rows, tiles]: [&[f64]; 2],
    ) -> Section {
        let present = self.values.number(section, key);
        let most = crossing(sizes, rows, tiles, present.saturating_sub(above), FEW_MARGIN);
        // what is the first above no number is as well 0
        let few = if most == 0 { 0 } else { most + above };
        let measured = sizes.iter().zip(loads).zip(rows.iter().zip(tiles));
        let lines = measured.map(|((&size, load), (rows, tiles))| Line {
            name: format!("{size} {of}"),
            milliseconds: Some(rows / 1e6),
            rate: rate(&self.trials, &[*load], &[*rows], false),
            relative: Some(tiles / rows),
            checked: true,
            note: format!("relative to {than}"),
            present: size <= present.saturating_sub(above),
            chosen: size <= most,
        });
        let lines = lines.collect();
        self.values = self.values.with(&[number(section, key, few)]);
        let note = Some(format!("{key} {few}, was {present}"));
        Section { lines, note, ..Section::empty(section, what) }
    }
}

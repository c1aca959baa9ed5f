//! Going through the candidates of one choice within its time.

use super::choose::{Outcome, Row, choose, ratio};
use super::shapes;
use super::table::{Line, Section};
use super::trial::{Bench, Load, Probe};
use super::values::{Change, Values, label};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use std::time::Instant;

/// The share of the time that all candidates have, before the best are held against the present.
const SWEEP_SHARE: f64 = 0.7;

/// One choice to make.
pub struct Choice<'a> {
    pub kernel: &'static str,
    /// What is chosen, for people.
    pub what: &'static str,
    /// The present values first; the next `likely` in their order, the others by how near they are to the best.
    pub candidates: Vec<Vec<Change>>,
    pub likely: usize,
    /// What every candidate runs with.
    pub with: Vec<Change>,
    pub probe: &'a dyn Fn(&[Change]) -> Probe,
    /// How many times faster than the present another has to be.
    pub margin: f64,
    /// Whether searches cannot do without any of the candidates.
    pub required: bool,
    /// Where the rate counts operations rather than queries.
    pub operations: bool,
    pub until: Instant,
}

/// Measures candidates until all are, or the time is over, and takes the best into `values`.
pub fn run(
    bench: &mut Bench<'_>,
    values: &mut Values,
    choice: Choice<'_>,
    progress: &Progress,
) -> Result<Section> {
    let mut left = choice.candidates.clone();
    let mut rows: Vec<Row> = Vec::new();
    let mut best: Option<(Vec<Change>, Vec<f64>)> = None;
    progress.phase(choice.what, left.len() as u64);
    let now = Instant::now();
    let until = now + choice.until.saturating_duration_since(now).mul_f64(SWEEP_SHARE);
    // at least until one is right, to have something to choose
    while !left.is_empty() && (best.is_none() || Instant::now() < until) {
        let near = best.as_ref().filter(|_| rows.len() > choice.likely);
        let next = near.and_then(|(from, _)| shapes::nearest(&left, from)).unwrap_or(0);
        let changes = left.remove(next);
        let times = best.as_ref().map(|(_, times)| &times[..]);
        let outcome = trial(bench, values, &choice, &changes, times);
        if let Outcome::Timed(times) = &outcome
            && best.as_ref().is_none_or(|(_, others)| ratio(times, others) < 1.0)
        {
            best = Some((changes.clone(), times.clone()));
        }
        rows.push(Row { changes, outcome });
        progress.set(rows.len() as u64);
    }
    let mut duels: Vec<(usize, Option<f64>)> = Vec::new();
    let chosen = choose(&rows, choice.margin, |place| {
        let pair = [&rows[0].changes[..], &rows[place].changes[..]];
        let times_as_fast = duel(bench, values, &choice, pair);
        duels.push((place, times_as_fast));
        times_as_fast.is_some_and(|times| times > choice.margin)
    });
    let mut section = section(bench, &choice, &rows, (chosen, &duels), left.len());
    match (chosen, rows.first()) {
        (Some(place), _) => *values = values.with(&rows[place].changes),
        (None, None) => {}
        (None, Some(row)) => {
            let why = fault(&row.outcome).unwrap_or_default();
            let why = format!("no candidate runs rightly here: {why}");
            if choice.required {
                return Err(Failure::Work(format!("{}: {why}", choice.what)));
            }
            section.note = Some(why);
        }
    }
    Ok(section)
}

fn trial(
    bench: &mut Bench<'_>,
    values: &Values,
    choice: &Choice<'_>,
    changes: &[Change],
    best: Option<&[f64]>,
) -> Outcome {
    let values = values.with(&choice.with).with(changes);
    bench.measure(&values, &(choice.probe)(changes), best)
}

/// How many times as fast as the present another candidate is, the less of two measurements; `None` where the time is
/// over. Each takes both at nearly the same time: what other work on the machine does to one it does to the other.
fn duel(
    bench: &mut Bench<'_>,
    values: &Values,
    choice: &Choice<'_>,
    [present, other]: [&[Change]; 2],
) -> Option<f64> {
    let mut round = || {
        let present = trial(bench, values, choice, present, None);
        let other = trial(bench, values, choice, other, None);
        match (present, other) {
            (Outcome::Timed(present), Outcome::Timed(other)) => 1.0 / ratio(&other, &present),
            _ => 0.0,
        }
    };
    let mut least: Option<f64> = None;
    for _ in 0..2 {
        if Instant::now() < choice.until && least.is_none_or(|least| least > choice.margin) {
            least = Some(least.unwrap_or(f64::MAX).min(round()));
        }
    }
    least
}

/// What is wrong with a candidate.
pub fn fault(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Timed(_) | Outcome::Slow(_) => None,
        Outcome::Wrong(why) => Some(format!("wrong: {why}")),
        Outcome::Refused(why) => Some(format!("refused: {why}")),
    }
}

fn section(
    bench: &Bench<'_>,
    choice: &Choice<'_>,
    rows: &[Row],
    (chosen, duels): (Option<usize>, &[(usize, Option<f64>)]),
    skipped: usize,
) -> Section {
    let present = rows.first().and_then(Row::times);
    let lines = rows.iter().enumerate().map(|(place, row)| {
        let loads = (choice.probe)(&row.changes).loads;
        let duel = duels.iter().find(|(at, _)| *at == place);
        let again = duel.and_then(|(_, times_as_fast)| *times_as_fast);
        let (times, note) = match &row.outcome {
            Outcome::Timed(times) if duel.is_some() && chosen != Some(place) => {
                (&times[..], "not confirmed".to_owned())
            }
            Outcome::Timed(times) => (&times[..], String::new()),
            Outcome::Slow(times) => (&times[..], "given up as slow".to_owned()),
            other => (&[][..], fault(other).unwrap_or_default()),
        };
        // sums over some of the loads would not compare with the others'
        let whole = if times.len() == loads.len() { times } else { &[] };
        Line {
            name: label(&row.changes),
            milliseconds: (!whole.is_empty()).then(|| whole.iter().sum::<f64>() / 1e6),
            rate: rate(bench, &loads, whole, choice.operations),
            relative: again
                .or_else(|| present.filter(|_| !times.is_empty()).map(|p| 1.0 / ratio(times, p))),
            checked: fault(&row.outcome).is_none(),
            note,
            present: place == 0,
            chosen: chosen == Some(place),
        }
    });
    Section {
        kernel: choice.kernel,
        what: choice.what.to_owned(),
        operations: choice.operations,
        lines: lines.collect(),
        skipped,
        note: None,
    }
}

/// 10^9 operations a second, or queries a second, over the loads that have a time.
pub fn rate(bench: &Bench<'_>, loads: &[Load], times: &[f64], operations: bool) -> Option<f64> {
    let done = loads.iter().zip(times);
    let work: f64 = done
        .map(|(l, _)| if operations { bench.operations(l) } else { l.queries as f64 * 1e9 })
        .sum();
    (!times.is_empty()).then(|| work / times.iter().sum::<f64>())
}

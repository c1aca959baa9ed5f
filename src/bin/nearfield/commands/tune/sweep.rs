//! Going through the candidates of one choice within its time.

use super::choose::{Candidate, Outcome, choose, ratio};
use super::load::Load;
use super::shapes;
use super::table::{Line, Section};
use super::trial::{Probe, Trials};
use super::values::{Change, Values, label};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use std::time::Instant;

/// The share of a choice's time in which its candidates are measured; the rest is for duels with the profile in force.
const SWEEP_SHARE: f64 = 0.7;

/// One choice to make.
pub struct Choice<'a> {
    pub kernel: &'static str,
    /// What is chosen, for people.
    pub what: &'static str,
    /// The values in force come first. The next `likely` candidates are measured in their order, the others by how little
    /// they change of the best so far.
    pub candidates: Vec<Vec<Change>>,
    pub likely: usize,
    /// What every candidate runs with.
    pub with: Vec<Change>,
    pub probe: &'a dyn Fn(&[Change]) -> Probe,
    /// How many times as fast as the values in force a candidate has to be.
    pub margin: f64,
    /// Whether it is an error if none of the candidates runs rightly.
    pub required: bool,
    /// Whether the rate counts operations rather than queries.
    pub operations: bool,
    pub until: Instant,
}

/// Measures candidates until all are, or the time is over, and takes the best into `values`.
pub fn run(
    trials: &mut Trials<'_>,
    values: &mut Values,
    choice: Choice<'_>,
    progress: &Progress,
) -> Result<Section> {
    let candidates = measure(trials, values, &choice, progress);
    let mut duels: Vec<(usize, Option<f64>)> = Vec::new();
    let chosen = choose(&candidates, choice.margin, |place| {
        let pair = [&candidates[0].changes[..], &candidates[place].changes[..]];
        let times_as_fast = duel(trials, values, &choice, pair);
        duels.push((place, times_as_fast));
        times_as_fast.is_some_and(|times| times > choice.margin)
    });
    let mut section = section(trials, &choice, &candidates, (chosen, &duels));
    match (chosen, candidates.first()) {
        (Some(place), _) => *values = values.with(&candidates[place].changes),
        (None, None) => {}
        (None, Some(present)) => {
            let why = fault(&present.outcome).unwrap_or_default();
            let why = format!("no candidate runs rightly here: {why}");
            if choice.required {
                return Err(Failure::Work(format!("{}: {why}", choice.what)));
            }
            section.note = Some(why);
        }
    }
    Ok(section)
}

/// What became of each candidate that the time sufficed for.
fn measure(
    trials: &mut Trials<'_>,
    values: &Values,
    choice: &Choice<'_>,
    progress: &Progress,
) -> Vec<Candidate> {
    let mut left = choice.candidates.clone();
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut best: Option<(Vec<Change>, Vec<f64>)> = None;
    progress.phase(choice.what, left.len() as u64);
    let now = Instant::now();
    let until = now + choice.until.saturating_duration_since(now).mul_f64(SWEEP_SHARE);
    // Beyond the time too, until one candidate is right: something has to be chosen from.
    while !left.is_empty() && (best.is_none() || Instant::now() < until) {
        let near = best.as_ref().filter(|_| candidates.len() > choice.likely);
        let next = near.and_then(|(from, _)| shapes::nearest(&left, from)).unwrap_or(0);
        let changes = left.remove(next);
        let times = best.as_ref().map(|(_, times)| &times[..]);
        let outcome = trial(trials, values, choice, &changes, times);
        if let Outcome::Timed(times) = &outcome
            && best.as_ref().is_none_or(|(_, others)| ratio(times, others) < 1.0)
        {
            best = Some((changes.clone(), times.clone()));
        }
        candidates.push(Candidate { changes, outcome });
        progress.set(candidates.len() as u64);
    }
    candidates
}

fn trial(
    trials: &mut Trials<'_>,
    values: &Values,
    choice: &Choice<'_>,
    changes: &[Change],
    best: Option<&[f64]>,
) -> Outcome {
    let values = values.with(&choice.with).with(changes);
    trials.measure(&values, &(choice.probe)(changes), best)
}

/// How many times as fast as the values in force a candidate is, the less of two measurements; `None` where the time is
/// over. Each measurement takes both at nearly the same time, so that other work on the machine slows both.
fn duel(
    trials: &mut Trials<'_>,
    values: &Values,
    choice: &Choice<'_>,
    [present, other]: [&[Change]; 2],
) -> Option<f64> {
    let mut round = || {
        let present = trial(trials, values, choice, present, None);
        let other = trial(trials, values, choice, other, None);
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
    trials: &Trials<'_>,
    choice: &Choice<'_>,
    candidates: &[Candidate],
    (chosen, duels): (Option<usize>, &[(usize, Option<f64>)]),
) -> Section {
    let present = candidates.first().and_then(Candidate::times);
    let lines = candidates.iter().enumerate().map(|(place, candidate)| {
        let loads = (choice.probe)(&candidate.changes).loads;
        let duel = duels.iter().find(|(at, _)| *at == place);
        let again = duel.and_then(|(_, times_as_fast)| *times_as_fast);
        let (times, note) = match &candidate.outcome {
            Outcome::Timed(times) if duel.is_some() && chosen != Some(place) => {
                (&times[..], "not confirmed".to_owned())
            }
            Outcome::Timed(times) => (&times[..], String::new()),
            Outcome::Slow(times) => (&times[..], "given up as slow".to_owned()),
            other => (&[][..], fault(other).unwrap_or_default()),
        };
        // A sum over some of the loads would not compare with the sums over all of them.
        let whole = if times.len() == loads.len() { times } else { &[] };
        Line {
            name: label(&candidate.changes),
            milliseconds: (!whole.is_empty()).then(|| whole.iter().sum::<f64>() / 1e6),
            rate: rate(trials, &loads, whole, choice.operations),
            relative: again
                .or_else(|| present.filter(|_| !times.is_empty()).map(|p| 1.0 / ratio(times, p))),
            checked: fault(&candidate.outcome).is_none(),
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
        skipped: choice.candidates.len() - candidates.len(),
        note: None,
    }
}

/// 10^9 operations a second, or queries a second, over the loads that have a time.
pub fn rate(trials: &Trials<'_>, loads: &[Load], times: &[f64], operations: bool) -> Option<f64> {
    let done = loads.iter().zip(times);
    let work: f64 = done
        .map(|(l, _)| if operations { trials.operations(l) } else { l.queries as f64 * 1e9 })
        .sum();
    (!times.is_empty()).then(|| work / times.iter().sum::<f64>())
}

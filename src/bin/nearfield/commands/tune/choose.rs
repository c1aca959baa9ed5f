//! Which candidate wins.

use super::values::Change;

/// What became of a candidate. Times are in nanoseconds, one a load.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Right, and timed to the end.
    Timed(Vec<f64>),
    /// Right, but given up: clearly slower than the best after one run of the loads that have a time.
    Slow(Vec<f64>),
    /// Not the nearest rows, or not the bits that the other candidates answer.
    Wrong(String),
    /// The library or the device did not run it.
    Refused(String),
}

/// Values to try, and what became of them.
pub struct Candidate {
    pub changes: Vec<Change>,
    pub outcome: Outcome,
}

impl Candidate {
    /// The times of a candidate that may be chosen.
    pub fn times(&self) -> Option<&[f64]> {
        match &self.outcome {
            Outcome::Timed(times) => Some(times),
            _ => None,
        }
    }
}

/// Candidates that may be held against the values in force before those stay.
const CHALLENGERS: usize = 3;

/// How many times as long as `others` these times are: the geometric mean over the loads that both have, so that each
/// counts the same however long it takes.
pub fn ratio(times: &[f64], others: &[f64]) -> f64 {
    let logs: Vec<f64> = times.iter().zip(others).map(|(a, b)| (a / b).ln()).collect();
    (logs.iter().sum::<f64>() / logs.len().max(1) as f64).exp()
}

/// The place of the fastest candidate that `confirm` agrees to; of the first one, the values in force, where no other is
/// faster by the factor `margin`. Candidates that are wrong, refused or given up are never taken. Where the values in force
/// are, the fastest of the others is taken without `confirm`.
pub fn choose(
    candidates: &[Candidate],
    margin: f64,
    mut confirm: impl FnMut(usize) -> bool,
) -> Option<usize> {
    let present = candidates.first().and_then(Candidate::times);
    let reference = present.or_else(|| candidates.iter().find_map(Candidate::times))?;
    let timed = candidates.iter().enumerate().filter_map(|(i, c)| Some((i, c.times()?)));
    let mut ranked: Vec<_> = timed.map(|(i, times)| (i, ratio(times, reference))).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    if present.is_none() {
        return ranked.first().map(|(place, _)| *place);
    }
    let faster = ranked.iter().filter(|(_, ratio)| ratio * margin < 1.0).take(CHALLENGERS);
    let mut faster = faster.map(|(place, _)| *place).filter(|place| *place != 0);
    faster.find(|&place| confirm(place)).or(Some(0))
}

/// Up to how many queries reading the rows one by one is faster than tiles, from the times of both at ascending numbers
/// of queries: the largest number up to which every one is. Where both ways are equal within the factor `margin` the
/// limit in force decides, and it stays where no number that was tried lies between it and the new one.
pub fn crossing(sizes: &[u32], single: &[f64], tiles: &[f64], present: u32, margin: f64) -> u32 {
    let wins = |i: usize| match (single.get(i), tiles.get(i)) {
        (Some(single), Some(tiles)) if single * margin < *tiles => true,
        (Some(single), Some(tiles)) if tiles * margin >= *single => sizes[i] <= present,
        _ => false,
    };
    let count = (0..sizes.len()).take_while(|&i| wins(i)).count();
    let few = if count == 0 { 0 } else { sizes[count - 1] };
    let next = sizes.get(count).copied().unwrap_or(u32::MAX);
    if (few..next).contains(&present) { present } else { few }
}

/// The whole number of two digits that is next below `rate`, at least 1; the present one where they are within a quarter
/// of each other, which no cut of the work would tell.
pub fn estimate(rate: f64, present: u32) -> u32 {
    let shift = 10f64.powf((rate.max(1.0).log10().floor() - 1.0).max(0.0));
    let rounded = ((rate / shift).floor() * shift).clamp(1.0, 1e9) as u32;
    let near = |a: f64, b: f64| a <= b * 1.25 && b <= a * 1.25;
    if near(f64::from(present), rate.max(1.0)) { present } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(candidates: &[Candidate], margin: f64) -> Option<usize> {
        choose(candidates, margin, |_| true)
    }

    fn candidates(outcomes: &[Outcome]) -> Vec<Candidate> {
        outcomes.iter().map(|o| Candidate { changes: Vec::new(), outcome: o.clone() }).collect()
    }

    fn timed(times: &[f64]) -> Outcome {
        Outcome::Timed(times.to_vec())
    }

    #[test]
    fn the_fastest_wins() {
        let all = candidates(&[timed(&[10.0]), timed(&[5.0]), timed(&[4.0]), timed(&[20.0])]);
        assert_eq!(chosen(&all, 1.05), Some(2));
        // Half the time of the long load is worth more than 0.6 of the time of the short one.
        let all = candidates(&[timed(&[1.0, 100.0]), timed(&[0.6, 110.0]), timed(&[1.1, 50.0])]);
        assert_eq!(chosen(&all, 1.05), Some(2));
    }

    #[test]
    fn a_wrong_one_never_wins() {
        let (wrong, refused) = (Outcome::Wrong("x".into()), Outcome::Refused("y".into()));
        let slow = Outcome::Slow(vec![1.0]);
        let all = candidates(&[timed(&[10.0]), wrong.clone(), refused.clone(), slow.clone()]);
        assert_eq!(chosen(&all, 1.05), Some(0));
        // Not even where it is the one in force.
        assert_eq!(
            chosen(&candidates(&[wrong.clone(), timed(&[10.0]), timed(&[9.0])]), 1.05),
            Some(2)
        );
        assert_eq!(chosen(&candidates(&[wrong, refused, slow]), 1.05), None);
        assert_eq!(chosen(&[], 1.05), None);
    }

    #[test]
    fn ties_keep_the_present_profile() {
        assert_eq!(chosen(&candidates(&[timed(&[10.0]), timed(&[10.0])]), 1.0), Some(0));
        assert_eq!(chosen(&candidates(&[timed(&[10.0]), timed(&[9.8])]), 1.05), Some(0));
        assert_eq!(chosen(&candidates(&[timed(&[10.0]), timed(&[9.0])]), 1.05), Some(1));
        assert_eq!(chosen(&candidates(&[timed(&[10.0]), timed(&[9.0])]), 1.2), Some(0));
    }

    #[test]
    fn the_next_wins_where_the_fastest_is_not_confirmed() {
        let times = [10.0, 2.0, 3.0, 4.0, 5.0];
        let all = candidates(&times.map(|t| timed(&[t])));
        assert_eq!(choose(&all, 1.05, |place| place == 2), Some(2));
        let mut asked = Vec::new();
        let nobody = choose(&all, 1.05, |place| {
            asked.push(place);
            false
        });
        assert_eq!((nobody, asked), (Some(0), vec![1, 2, 3]));
    }

    #[test]
    fn the_limit_is_where_tiles_begin_to_win() {
        let sizes = [1, 2, 4, 8];
        let tiles = [10.0, 10.0, 10.0, 10.0];
        let limit = |single: &[f64], present| crossing(&sizes, single, &tiles, present, 1.05);
        assert_eq!(limit(&[1.0, 2.0, 4.0, 20.0], 32), 4);
        assert_eq!(limit(&[1.0, 2.0, 4.0, 20.0], 1), 4);
        // Nothing between 4 and 8 was tried, so 6 stands.
        assert_eq!(limit(&[1.0, 2.0, 4.0, 20.0], 6), 6);
        assert_eq!(limit(&[1.0, 2.0, 4.0, 5.0], 32), 32);
        assert_eq!(limit(&[1.0, 2.0, 4.0, 5.0], 2), 8);
        assert_eq!(limit(&[20.0], 32), 0);
        assert_eq!(limit(&[20.0], 0), 0);
        // A tie stays as it was, and the first number at which tiles win ends it.
        assert_eq!(limit(&[1.0, 10.0, 1.0, 1.0], 1), 1);
        assert_eq!(limit(&[1.0, 10.0, 20.0, 1.0], 2), 2);
        // The time of one way was measured up to two queries alone.
        assert_eq!(limit(&[1.0, 2.0], 32), 2);
    }

    #[test]
    fn estimates_are_round_and_stay_where_they_are_near() {
        assert_eq!(estimate(33_456.7, 1), 33_000);
        assert_eq!(estimate(7.9, 1), 7);
        assert_eq!((estimate(0.2, 1), estimate(0.0, 5)), (1, 1));
        assert_eq!(estimate(33_456.7, 30_000), 30_000);
        assert_eq!(estimate(129.0, 100), 120);
    }
}

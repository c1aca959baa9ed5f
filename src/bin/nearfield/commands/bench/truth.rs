//! The answer in f64, for some queries.

use super::case::Case;
use super::data::Set;
use crate::shell::failure::{Failure, Result};
use nearfield::{Hits, Metric, Order, reference};
use rayon::prelude::*;

/// Queries that go over the rows together, so that a row comes from memory once for all of them.
const TOGETHER: usize = 8;

/// What was checked.
#[derive(Default)]
pub struct Checked {
    pub queries: usize,
    /// Neighbours that differ from f64's within the stated rounding.
    pub excused: usize,
}

/// Which rows a query may find.
pub type Eligible<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Holds the hits of every so many-th query against all distances in f64 to the rows that it may find.
pub fn check(
    case: &Case,
    set: &Set,
    hits: &Hits,
    count: usize,
    eligible: Eligible<'_>,
) -> Result<Checked> {
    let step = case.queries / count;
    let chosen: Vec<usize> = (0..count).map(|i| i * step).collect();
    let excused: Result<usize, String> =
        chosen.par_chunks(TOGETHER).map(|queries| some(case, set, hits, queries, eligible)).sum();
    let excused = excused.map_err(|e| Failure::Work(format!("{case}: {e}")))?;
    Ok(Checked { queries: count, excused })
}

/// Holds the hits within a radius against the nearest rows: they begin with those of them that are within it, and have no others
/// where not all of these are.
pub fn check_within(case: &Case, nearest: &Hits, hits: &Hits, radius: f32) -> Result<()> {
    let is_within = |distance: f32| match case.base.metric.order() {
        Order::Ascending => distance < radius,
        Order::Descending => distance > radius,
    };
    for (query, (nearest, hits)) in nearest.rows().zip(hits.rows()).enumerate() {
        let inside: Vec<_> = nearest.iter().copied().filter(|hit| is_within(hit.1)).collect();
        let all = inside.len() < nearest.len() && hits.len() > inside.len();
        if all || !hits.starts_with(&inside) {
            let (found, some) = (hits.len(), inside.len());
            let why =
                format!("query {query}: {found} hits within {radius}, where {some} were known");
            return Err(Failure::Work(format!("{case}: {why}")));
        }
    }
    Ok(())
}

/// Excused neighbours of a few queries, or what is wrong.
fn some(
    case: &Case,
    set: &Set,
    hits: &Hits,
    queries: &[usize],
    eligible: Eligible<'_>,
) -> Result<usize, String> {
    let (d, metric) = (case.base.d, &case.base.truth);
    let sign = if metric.order() == Order::Ascending { 1.0 } else { -1.0 };
    let elements: Vec<_> = queries.iter().map(|&q| set.query(set.first(case.asked) + q)).collect();
    let mut nearest: Vec<_> = queries.iter().map(|_| Nearest::new(case.k)).collect();
    if let Some((rows, packed)) = set.bits() {
        let bytes = case.base.dtype.row_bytes(d);
        let packed: Vec<_> = queries.iter().map(|&q| &packed[q * bytes..][..bytes]).collect();
        for (row, x) in rows.chunks_exact(bytes).take(case.eligible()).enumerate() {
            for (q, nearest) in packed.iter().zip(&mut nearest) {
                nearest.offer(sign * of_bits(metric, d, q, x), row);
            }
        }
    }
    let mut x = Vec::with_capacity(d);
    for (row, stored) in set.rows.chunks_exact(d).take(case.eligible()).enumerate() {
        x.clear();
        x.extend(stored.iter().map(|&x| f64::from(x)));
        let each = queries.iter().zip(&elements).zip(&mut nearest);
        for ((_, q), nearest) in each.filter(|((query, _), _)| eligible(**query, row)) {
            if let Some(distance) = quick(metric, q, &x) {
                nearest.offer(sign * distance, row);
            }
        }
    }
    let each = queries.iter().zip(&elements).zip(nearest);
    each.map(|((&query, q), nearest)| {
        let got: Vec<_> = hits.row(query).collect();
        let mut known = got.iter().filter(|(id, _)| *id < case.eligible() as u64);
        if let Some((id, _)) = known.find(|(id, _)| !eligible(query, *id as usize)) {
            return Err(format!("query {query}: row {id}, which is in no list that it looks at"));
        }
        one(case, set, q, &got, &nearest.sorted()).map_err(|e| format!("query {query}: {e}"))
    })
    .sum()
}

/// Excused neighbours of one query; `truth` is (distance, or similarity with its sign turned; row), nearest first.
fn one(
    case: &Case,
    set: &Set,
    q: &[f64],
    got: &[(u64, f32)],
    truth: &[(f64, usize)],
) -> Result<usize, String> {
    let metric = &case.base.truth;
    let sign = if metric.order() == Order::Ascending { 1.0 } else { -1.0 };
    if got.len() != truth.len() {
        return Err(format!("{} hits, not {}", got.len(), truth.len()));
    }
    let dtypes = (case.base.dtype, case.base.dtype);
    let tau = |m: f64, x: &[f64]| reference::tau(metric, dtypes, q, x, sign * m).value;
    let mut excused = 0;
    for ((id, distance), &(m, truth)) in got.iter().zip(truth) {
        if *id >= case.eligible() as u64 {
            return Err(format!("row {id}, which is not among those to search"));
        }
        let x = set.row(*id as usize);
        let real = reference::distance(metric, q, &x).unwrap_or(f64::NAN);
        let bound = tau(sign * real, &x);
        if (f64::from(*distance) - real).abs().partial_cmp(&bound).is_none_or(|o| o.is_gt()) {
            return Err(format!("row {id} at {distance}, {real} in f64"));
        }
        if *id as usize == truth {
            continue;
        }
        // Another row in this place is right only within the rounding of both distances.
        if (sign * real - m).abs() > bound + tau(m, &set.row(truth)) {
            return Err(format!("row {id} ({real}) in the place of {truth} ({m})"));
        }
        excused += 1;
    }
    Ok(excused)
}

/// The k nearest of what was offered, in little more memory than they take.
struct Nearest {
    k: usize,
    kept: Vec<(f64, usize)>,
    /// Nothing from here on can be among them.
    limit: f64,
}

impl Nearest {
    fn new(k: usize) -> Nearest {
        Nearest { k, kept: Vec::new(), limit: f64::INFINITY }
    }

    /// Rows come in order: of two at one distance the later one is behind.
    fn offer(&mut self, distance: f64, row: usize) {
        if distance >= self.limit {
            return;
        }
        self.kept.push((distance, row));
        if self.kept.len() >= 2 * self.k + 64 {
            self.kept.select_nth_unstable_by(self.k - 1, by_distance_and_row);
            self.kept.truncate(self.k);
            self.limit = self.kept[self.k - 1].0;
        }
    }

    fn sorted(mut self) -> Vec<(f64, usize)> {
        self.kept.sort_by(by_distance_and_row);
        self.kept.truncate(self.k);
        self.kept
    }
}

fn by_distance_and_row(a: &(f64, usize), b: &(f64, usize)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// A metric of bits on rows as they are packed: equal quotients are equal in f64.
fn of_bits(metric: &Metric, d: usize, q: &[u8], x: &[u8]) -> f64 {
    let (mut differ, mut both) = (0, 0);
    let mut count = |q: u64, x: u64| {
        differ += (q ^ x).count_ones();
        both += (q & x).count_ones();
    };
    let ((qs, q_rest), (xs, x_rest)) = (q.as_chunks(), x.as_chunks());
    for (&q, &x) in qs.iter().zip(xs) {
        count(u64::from_le_bytes(q), u64::from_le_bytes(x));
    }
    q_rest.iter().zip(x_rest).for_each(|(&q, &x)| count(q.into(), x.into()));
    let (differ, both) = (f64::from(differ), f64::from(both));
    match metric {
        Metric::Hamming => differ,
        _ if differ + both == 0.0 => 0.0,
        Metric::BitJaccard => differ / (differ + both),
        Metric::Dice => differ / (differ + 2.0 * both),
        _ => (d as f64 - both) / d as f64,
    }
}

/// The metrics that the suites run by the million, in the processor's vectors; the oracle's own for the others.
fn quick(metric: &Metric, q: &[f64], x: &[f64]) -> Option<f64> {
    Some(match metric {
        Metric::L2 => sum(q, x, |q, x| (q - x) * (q - x)),
        Metric::InnerProduct => sum(q, x, |q, x| q * x),
        Metric::L1 => sum(q, x, |q, x| (q - x).abs()),
        _ => return reference::distance(metric, q, x),
    })
}

/// Eight sums side by side: one alone would wait for each of its additions.
fn sum(q: &[f64], x: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let mut sums = [0f64; 8];
    let (qs, xs) = (q.chunks_exact(8), x.chunks_exact(8));
    let rest: f64 = qs.remainder().iter().zip(xs.remainder()).map(|(&q, &x)| term(q, x)).sum();
    for (q, x) in qs.zip(xs) {
        for (sum, (&q, &x)) in sums.iter_mut().zip(q.iter().zip(x)) {
            *sum += term(q, x);
        }
    }
    rest + sums.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_those_of_a_sort() {
        for k in [1, 3, 70] {
            let distance = |row: usize| ((row * 7919) % 251) as f64;
            let mut all: Vec<_> = (0..1000).map(|row| (distance(row), row)).collect();
            let mut nearest = Nearest::new(k);
            all.iter().for_each(|&(distance, row)| nearest.offer(distance, row));
            all.sort_by(by_distance_and_row);
            assert_eq!(nearest.sorted(), all[..k]);
        }
    }

    #[test]
    fn wrong_answers_are_named() {
        let case = super::super::suite::open("quick").unwrap().remove(0);
        let d = case.base.d;
        let rows = (0..4 * d).map(|i| (i / d) as f32).collect();
        let set = Set::of(&case.base, rows, vec![0.0; d]);
        let (q, far) = (set.query(0), d as f32);
        let truth = [(0.0, 0), (f64::from(far), 1)];
        let check = |got: &[(u64, f32)]| one(&case, &set, &q, got, &truth);
        assert_eq!(check(&[(0, 0.0), (1, far)]), Ok(0));
        assert_eq!(check(&[(0, 0.0)]).unwrap_err(), "1 hits, not 2");
        assert_eq!(check(&[(0, 0.0), (1, far + 1.0)]).unwrap_err(), "row 1 at 65, 64 in f64");
        let beyond = check(&[(0, 0.0), (case.base.n as u64, far)]).unwrap_err();
        assert_eq!(beyond, "row 10000, which is not among those to search");
        let missed = check(&[(0, 0.0), (2, 4.0 * far)]).unwrap_err();
        assert_eq!(missed, "row 2 (256) in the place of 1 (64)");
    }

    #[test]
    fn bits_as_they_are_packed_are_the_oracle_s() {
        let d = 139;
        let rows = crate::shell::random::bits(60, d, 3).unwrap();
        let set = Set::of_bits(d, rows.clone(), vec![0; d.div_ceil(8)]);
        let row = |i: usize| &rows[i * d.div_ceil(8)..][..d.div_ceil(8)];
        let empty = (vec![0u8; d.div_ceil(8)], vec![0.0; d]);
        for metric in [Metric::Hamming, Metric::BitJaccard, Metric::Dice, Metric::RusselRao] {
            let oracle = |q: &[f64], x: &[f64]| reference::distance(&metric, q, x).unwrap();
            for i in 0..59 {
                let ours = of_bits(&metric, d, row(i), row(i + 1));
                assert_eq!(ours, oracle(&set.row(i), &set.row(i + 1)), "{metric}");
                assert_eq!(of_bits(&metric, d, &empty.0, row(i)), oracle(&empty.1, &set.row(i)));
            }
            assert_eq!(of_bits(&metric, d, &empty.0, &empty.0), 0.0);
        }
    }

    #[test]
    fn the_quick_way_is_the_oracle_s() {
        let q: Vec<f64> = (0..19).map(|i| f64::from(i) * 0.37 - 2.0).collect();
        let x: Vec<f64> = (0..19).map(|i| f64::from(i * i) * 0.01).collect();
        for metric in [Metric::L2, Metric::InnerProduct, Metric::L1, Metric::Cosine] {
            let (ours, oracle) = (quick(&metric, &q, &x), reference::distance(&metric, &q, &x));
            assert!((ours.unwrap() - oracle.unwrap()).abs() < 1e-12, "{metric}");
        }
    }
}

//! Holds the answer of a k-nearest search against the oracle.

use super::truth::{Excused, Hit, Problem, Truth, inversions};
use super::twins::{in_row_order, twins};
use std::collections::{HashMap, HashSet};

/// Checks an answer of a search for the `k` nearest: for each query the rows with their f32 distances, nearest first.
///
/// With d^ the f32 results, the answer must be the first k eligible rows by (d^, row), each d^ within
/// [`tau`](super::tau) of real arithmetic. So it is asked: as many hits as there are; every hit eligible, none
/// twice, its distance within tau; distances in order, and equal ones in row order; no row left out, and no pair
/// out of order, by more than the sum of the two taus; rows that are equal bit by bit in row order, the first of
/// them first. Costs one [`distance`](super::distance) a pair and one tau a hit.
///
/// # Errors
/// The first violation, in words, with the values of both sides.
pub fn check_search(
    problem: &Problem<'_>,
    k: usize,
    got: &[Vec<(u64, f32)>],
) -> Result<Excused, String> {
    problem.check_shape(got.len())?;
    let twins = twins(problem.base);
    let mut excused = Excused::default();
    for (query, got) in got.iter().enumerate() {
        let truth = Truth::new(problem, query);
        excused +=
            check_query(&truth, &twins, k, got).map_err(|why| format!("query {query}: {why}"))?;
    }
    Ok(excused)
}

fn check_query(
    truth: &Truth<'_>,
    twins: &[usize],
    k: usize,
    got: &[(u64, f32)],
) -> Result<Excused, String> {
    let expected = truth.hits().count().min(k);
    if got.len() != expected {
        return Err(format!("{} hits where there are {expected}", got.len()));
    }
    let hits = truth.judge(got)?;
    left_out(truth, &hits)?;
    in_row_order(truth, &hits, twins, false)?;
    let rows = not_nearest(truth, &hits);
    Ok(Excused { hits: hits.len() as u64, pairs: inversions(&hits), rows })
}

/// How many of the hits are not among the first of real arithmetic.
fn not_nearest(truth: &Truth<'_>, hits: &[Hit]) -> u64 {
    let mut nearest: Vec<(usize, f64)> = truth.hits().collect();
    nearest.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let nearest: HashSet<usize> = nearest.iter().take(hits.len()).map(|(row, _)| *row).collect();
    hits.iter().filter(|hit| !nearest.contains(&hit.row)).count() as u64
}

/// Checks that no row is left out that is nearer than a hit by more than both taus.
fn left_out(truth: &Truth<'_>, hits: &[Hit]) -> Result<(), String> {
    let lower = |hit: &Hit| hit.key - hit.tau;
    let Some(bound) = hits.iter().max_by(|a, b| lower(a).total_cmp(&lower(b))) else {
        return Ok(());
    };
    let farthest = hits.iter().map(|hit| hit.key).fold(f64::NEG_INFINITY, f64::max);
    let returned: HashSet<usize> = hits.iter().map(|hit| hit.row).collect();
    // Where nothing rounds, equal values come in row order.
    let exact = hits.iter().filter(|hit| hit.tau == 0.0);
    let exact: HashMap<u64, usize> = exact.map(|hit| (hit.key.to_bits(), hit.row)).collect();
    for (row, key) in truth.hits() {
        // The taus are dear: most rows lie beyond the farthest hit.
        if key > farthest || returned.contains(&row) {
            continue;
        }
        let (tau, m) = (truth.tau(row, key).order, truth.key(key));
        if bound.key - key > bound.tau + tau {
            let (other, other_m) = (bound.row, truth.key(bound.key));
            return Err(format!(
                "row {row} ({m:e}) is missing although nearer than row {other} ({other_m:e}) by more \
                 than their taus, {tau:e} and {:e}",
                bound.tau
            ));
        }
        if tau == 0.0 && exact.get(&key.to_bits()).is_some_and(|&later| row < later) {
            return Err(format!("row {row} ({m:e}) is missing although a later row is as near"));
        }
    }
    Ok(())
}

//! Holds the answer of a range search against the oracle.

use super::truth::{Excused, Problem, Truth, inversions};
use super::twins::{in_row_order, twins};
use std::collections::HashSet;

/// Checks an answer of a range search: for each query the rows with their f32 distances, nearest first.
///
/// Every eligible row nearer than `radius` by more than its [`tau`](super::tau) (that of the value, since the radius
/// is one) must be there, none that is farther by more than its tau, and each distance within tau; order and ties
/// as in [`check_search`](super::check_search). Rows within tau of the radius on the wrong side of it are counted
/// as excused. Costs one distance and one tau a pair.
///
/// # Errors
/// The first violation, in words, with the values of both sides.
pub fn check_range(
    problem: &Problem<'_>,
    radius: f32,
    got: &[Vec<(u64, f32)>],
) -> Result<Excused, String> {
    problem.check_shape(got.len())?;
    let twins = twins(problem.base);
    let mut excused = Excused::default();
    for (query, got) in got.iter().enumerate() {
        let truth = Truth::new(problem, query);
        excused += check_query(&truth, &twins, radius, got)
            .map_err(|why| format!("query {query}: {why}"))?;
    }
    Ok(excused)
}

fn check_query(
    truth: &Truth<'_>,
    twins: &[usize],
    radius: f32,
    got: &[(u64, f32)],
) -> Result<Excused, String> {
    let hits = truth.judge(got)?;
    in_row_order(truth, &hits, twins, true)?;
    let returned: HashSet<usize> = hits.iter().map(|hit| hit.row).collect();
    let limit = truth.key(radius.into());
    let mut rows = 0;
    for (row, key) in truth.hits() {
        let (tau, m) = (truth.tau(row, key).value, truth.key(key));
        let inside = returned.contains(&row);
        let wrong = if inside { key - tau >= limit } else { key + tau < limit };
        if wrong {
            let is = if inside { "is there" } else { "is missing" };
            return Err(format!("row {row} ({m:e}, tau {tau:e}) {is} with radius {radius:e}"));
        }
        rows += u64::from(inside != (key < limit));
    }
    let beyond = |distance: f32| {
        let key = truth.key(distance.into());
        // A last step after the comparison may round a value up to the radius, never past it.
        key > limit || (truth.by_value && key == limit)
    };
    if let Some(hit) = hits.iter().find(|hit| beyond(hit.distance)) {
        return Err(format!(
            "row {} has distance {:e}, not nearer than {radius:e}",
            hit.row, hit.distance
        ));
    }
    Ok(Excused { hits: hits.len() as u64, pairs: inversions(&hits), rows })
}

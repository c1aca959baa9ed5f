//! The answer in f64, for some queries.

use super::data::Set;
use super::suite::{Case, Kind};
use crate::failure::{Failure, Result};
use nearfield::{DType, Hits, Metric, Order, reference};

/// What was checked.
pub struct Checked {
    pub queries: usize,
    /// Neighbours that differ from f64's within the stated rounding.
    pub excused: usize,
}

/// Holds the hits of every so many-th query against all distances in f64.
pub fn check(case: &Case, set: &Set, hits: &Hits, count: usize) -> Result<Checked> {
    let step = case.queries / count;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chosen: Vec<usize> = (0..count).map(|i| i * step).collect();
    let excused: Result<usize, String> = std::thread::scope(|scope| {
        let part = |queries: &[usize]| {
            let queries = queries.to_vec();
            scope.spawn(move || {
                queries.iter().map(|&q| one(case, set, hits, q)).sum::<Result<usize, String>>()
            })
        };
        let all: Vec<_> = chosen.chunks(count.div_ceil(threads)).map(part).collect();
        let joined = all.into_iter().map(|t| t.join());
        joined.map(|r| r.unwrap_or_else(|_| Err("a check panicked".into()))).sum()
    });
    let excused = excused.map_err(|e| Failure::Work(format!("{}: {e}", case.name)))?;
    Ok(Checked { queries: count, excused })
}

/// Excused neighbours of one query, or what is wrong.
fn one(case: &Case, set: &Set, hits: &Hits, query: usize) -> Result<usize, String> {
    let (d, metric) = (case.base.d, &case.base.metric);
    let q = widen(&set.queries[query * d..][..d]);
    let row = |i: usize| widen(&set.rows[i * d..][..d]);
    let take = if case.kind == Kind::Half { case.base.n / 2 } else { case.base.n };
    let ascending = metric.order() == Order::Ascending;
    let sign = if ascending { 1.0 } else { -1.0 };
    let mut all: Vec<(f64, usize)> = (0..take)
        .filter_map(|i| Some((sign * quick(metric, &q, &set.rows[i * d..][..d])?, i)))
        .collect();
    let k = case.k.min(all.len());
    all.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let got: Vec<_> = hits.row(query).collect();
    if got.len() != k {
        return Err(format!("query {query}: {} hits, not {k}", got.len()));
    }
    let tau =
        |m: f64, x: &[f64]| reference::tau(metric, (DType::F32, DType::F32), &q, x, sign * m).value;
    let mut excused = 0;
    for ((id, distance), &(m, truth)) in got.iter().zip(&all) {
        let x = row(*id as usize);
        let real = reference::distance(metric, &q, &x).unwrap_or(f64::NAN);
        let bound = tau(sign * real, &x);
        if (f64::from(*distance) - real).abs().partial_cmp(&bound).is_none_or(|o| o.is_gt()) {
            return Err(format!("query {query}: row {id} at {distance}, {real} in f64"));
        }
        if *id as usize == truth {
            continue;
        }
        // another row in this place is right only within both roundings
        if (sign * real - m).abs() > bound + tau(m, &row(truth)) {
            return Err(format!("query {query}: row {id} ({real}) in the place of {truth} ({m})"));
        }
        excused += 1;
    }
    Ok(excused)
}

fn widen(row: &[f32]) -> Vec<f64> {
    row.iter().map(|&x| f64::from(x)).collect()
}

/// The two families that the suites run by the million, without a copy of each row; the oracle's own for the others.
fn quick(metric: &Metric, q: &[f64], x: &[f32]) -> Option<f64> {
    let pairs = || q.iter().zip(x).map(|(&q, &x)| (q, f64::from(x)));
    Some(match metric {
        Metric::L2 => pairs().map(|(q, x)| (q - x) * (q - x)).sum(),
        Metric::InnerProduct => pairs().map(|(q, x)| q * x).sum(),
        Metric::L1 => pairs().map(|(q, x)| (q - x).abs()).sum(),
        _ => return reference::distance(metric, q, &widen(x)),
    })
}

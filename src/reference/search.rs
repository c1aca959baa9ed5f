//! Searches by a full sort, range searches by a scan, and the small operations beside them.

use super::block::Block;
use super::distance::norm;
use super::measure::Measure;
use crate::metric::Order;
use std::cmp::Ordering;

/// The nearest `k` eligible rows of each query with their values, ordered by (value, row).
///
/// `eligible(query, row)` is the filter; pass `|_, _| true` for none. Costs a value a pair and a sort a query.
pub fn search(
    measure: &dyn Measure,
    queries: &Block,
    base: &Block,
    k: usize,
    eligible: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<(u64, f64)>> {
    let nearest = |(i, q)| {
        let mut hits = hits(measure, i, q, base, &eligible);
        hits.sort_by(|a, b| nearer(measure.order(), a.1, b.1).then(a.0.cmp(&b.0)));
        hits.truncate(k);
        hits
    };
    queries.rows().enumerate().map(nearest).collect()
}

/// All eligible rows nearer than `radius`, for each query, ordered by (value, row).
///
/// A distance is nearer when it is smaller than the radius, a similarity when it is larger.
pub fn range(
    measure: &dyn Measure,
    queries: &Block,
    base: &Block,
    radius: f64,
    eligible: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<(u64, f64)>> {
    let mut answers = search(measure, queries, base, base.len(), eligible);
    for hits in &mut answers {
        hits.retain(|hit| nearer(measure.order(), hit.1, radius).is_lt());
    }
    answers
}

/// The values of all pairs, a row of `base.len()` for each query; `None` where a row is not a hit.
pub fn pairwise(measure: &dyn Measure, queries: &Block, base: &Block) -> Vec<Vec<Option<f64>>> {
    queries.rows().map(|q| base.rows().map(|x| measure.distance(q, x)).collect()).collect()
}

/// The Euclidean norm of each row.
pub fn norms(block: &Block) -> Vec<f64> {
    block.rows().map(norm).collect()
}

/// Where the `k` nearest of `values` stand, ordered by (value, position).
pub fn select_k(values: &[f32], k: usize, order: Order) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..values.len()).collect();
    // A stable sort keeps equal values in the order of their positions.
    positions
        .sort_by(|&a, &b| nearer(order, f64::from(values[a]) + 0.0, f64::from(values[b]) + 0.0));
    positions.truncate(k);
    positions
}

fn hits(
    measure: &dyn Measure,
    query: usize,
    q: &[f64],
    base: &Block,
    eligible: impl Fn(usize, usize) -> bool,
) -> Vec<(u64, f64)> {
    let rows = base.rows().enumerate().filter(|&(row, _)| eligible(query, row));
    rows.filter_map(|(row, x)| Some((row as u64, measure.distance(q, x)?))).collect()
}

fn nearer(order: Order, a: f64, b: f64) -> Ordering {
    match order {
        Order::Ascending => a.total_cmp(&b),
        Order::Descending => b.total_cmp(&a),
    }
}

//! What an answer is held against: the oracle's value of every row, and its tau where a check asks for it.

use super::block::Block;
use super::measure::Measure;
use super::tau::Tau;
use crate::metric::Order;
use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;

/// A search as the checkers see it; build it literally.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// A [`Metric`](crate::Metric), or a [`Custom`](super::Custom) one.
    pub measure: &'a dyn Measure,
    /// The queries.
    pub queries: &'a Block,
    /// The rows, in row order; rows that were removed are not eligible.
    pub base: &'a Block,
    /// The filter: `eligible(query, row)`.
    pub eligible: &'a dyn Fn(usize, usize) -> bool,
}

impl Problem<'_> {
    pub(super) fn check_shape(&self, answers: usize) -> Result<(), String> {
        let (queries, base) = (self.queries, self.base);
        if queries.dim() != base.dim() {
            return Err(format!("queries of {} elements, rows of {}", queries.dim(), base.dim()));
        }
        if answers != queries.len() {
            return Err(format!("{answers} answers to {} queries", queries.len()));
        }
        Ok(())
    }
}

/// What a checker looked at, and what it let pass only because it lay within tau.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excused {
    /// Hits that were checked.
    pub hits: u64,
    /// Neighbouring hits that stand the other way round in real arithmetic.
    pub pairs: u64,
    /// Rows that real arithmetic would have returned and the answer has not, or the reverse (range searches).
    pub rows: u64,
}

impl AddAssign for Excused {
    fn add_assign(&mut self, other: Excused) {
        self.hits += other.hits;
        self.pairs += other.pairs;
        self.rows += other.rows;
    }
}

impl fmt::Display for Excused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excused { hits, pairs, rows } = self;
        write!(f, "{hits} hits, {pairs} pairs and {rows} rows excused within tau")
    }
}

/// One query of a problem, with the key of each row: its value, negated for similarities, so that smaller is nearer; `None`
/// where the row is no hit.
pub(super) struct Truth<'a> {
    problem: &'a Problem<'a>,
    q: &'a [f64],
    keys: Vec<Option<f64>>,
    /// Whether equal f32 values must stand in row order.
    pub(super) by_value: bool,
}

impl<'a> Truth<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, query: usize) -> Truth<'a> {
        let Problem { measure, queries, base, eligible } = *problem;
        let q = queries.row(query);
        let key = |(row, x)| {
            let eligible = eligible(query, row);
            eligible.then(|| measure.distance(q, x)).flatten().map(|m| key(measure.order(), m))
        };
        let keys = base.rows().enumerate().map(key).collect();
        let by_value = measure.ordered_by_value((queries.dtype(), base.dtype()), base.dim());
        Truth { problem, q, keys, by_value }
    }

    /// All rows that can be hits, with their keys.
    pub(super) fn hits(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.keys.iter().enumerate().filter_map(|(row, key)| Some((row, (*key)?)))
    }

    pub(super) fn tau(&self, row: usize, key: f64) -> Tau {
        let Problem { measure, queries, base, .. } = self.problem;
        let m = self.key(key);
        measure.tau((queries.dtype(), base.dtype()), self.q, base.row(row), m)
    }

    /// From value to key, and, being its own inverse, back.
    pub(super) fn key(&self, value: f64) -> f64 {
        key(self.problem.measure.order(), value)
    }

    /// Checks what hits must be whatever was asked: eligible, none twice, each distance within tau, in order.
    pub(super) fn judge(&self, got: &[(u64, f32)]) -> Result<Vec<Hit>, String> {
        let mut seen = HashMap::new();
        let mut hits: Vec<Hit> = Vec::with_capacity(got.len());
        for (place, &(row, distance)) in got.iter().enumerate() {
            if let Some(before) = seen.insert(row, place) {
                return Err(format!("row {row} stands at {before} and at {place}"));
            }
            let row = usize::try_from(row).map_err(|_| format!("there is no row {row}"))?;
            let key = self.keys.get(row).copied().flatten();
            let key = key.ok_or_else(|| format!("row {row} at {place} can be no hit"))?;
            let (tau, m) = (self.tau(row, key), self.key(key));
            let off = (f64::from(distance) - m).abs();
            if off.is_nan() || off > tau.value {
                let allowed = tau.value;
                return Err(format!(
                    "row {row} at {place}: distance {distance:e}, in real arithmetic {m:e}, off by \
                     {off:e} where tau is {allowed:e}"
                ));
            }
            let hit = Hit { row, distance, key, tau: tau.order };
            if let Some(before) = hits.last() {
                let other = (before.row, before.distance, self.key(before.key));
                self.in_order(before, &hit).map_err(|why| {
                    let here = (row, distance, m);
                    format!("(row, distance, real) {here:?} at {place} after {other:?}: {why}")
                })?;
            }
            hits.push(hit);
        }
        Ok(hits)
    }

    fn in_order(&self, before: &Hit, hit: &Hit) -> Result<(), &'static str> {
        let (a, b) = (self.key(before.distance.into()), self.key(hit.distance.into()));
        if a > b {
            return Err("the distance says it is nearer");
        }
        if before.key - hit.key > before.tau + hit.tau {
            return Err("real arithmetic says it is nearer by more than both taus");
        }
        let same = self.by_value && before.distance.to_bits() == hit.distance.to_bits();
        let exact = before.key == hit.key && before.tau == 0.0 && hit.tau == 0.0;
        if (same || exact) && hit.row < before.row {
            return Err("equal distances stand in row order");
        }
        Ok(())
    }
}

/// A hit of the answer beside what the oracle knows of it.
pub(super) struct Hit {
    pub(super) row: usize,
    pub(super) distance: f32,
    pub(super) key: f64,
    pub(super) tau: f64,
}

/// Neighbouring hits that stand the other way round in real arithmetic.
pub(super) fn inversions(hits: &[Hit]) -> u64 {
    hits.windows(2).filter(|pair| pair[0].key > pair[1].key).count() as u64
}

fn key(order: Order, value: f64) -> f64 {
    match order {
        Order::Ascending => value + 0.0,
        // 0 - v, since -v would make -0 of 0.
        Order::Descending => 0.0 - value,
    }
}

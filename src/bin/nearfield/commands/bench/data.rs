//! Rows to bench with: the same on every machine and, by benches/peers/data.py, for the libraries that are measured beside
//! this one.

use super::case::Base;
use crate::shell::failure::Result;
use crate::shell::random;
use half::f16;
use nearfield::{DType, Rows};
use std::ops::Range;

/// Rows and queries of one base, and their numbers as f32 for the check.
pub struct Set {
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
    stored: Stored,
    d: usize,
}

/// Rows and queries in the type of the base.
enum Stored {
    F32,
    F16(Vec<f16>, Vec<f16>),
    U8(Vec<u8>, Vec<u8>),
}

/// Queries that are made at least: the shipped suites ask at most half of them at once.
const QUERIES: usize = 20_000;

impl Set {
    /// Rows, and queries for batches of up to `batch`, with as many again to take others each run.
    pub fn new(base: &Base, batch: usize) -> Result<Set> {
        let queries = batch.saturating_mul(2).max(QUERIES);
        let rows = random::rows(base.n, base.d, 1)?;
        Ok(Set::of(base, rows, random::rows(queries, base.d, 0x5eed)?))
    }

    /// These numbers, without their signs where the metric takes none, rounded to what the type of the base has.
    pub fn of(base: &Base, mut rows: Vec<f32>, mut queries: Vec<f32>) -> Set {
        let halves = |v: &[f32]| v.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
        let bytes = |v: &[f32]| v.iter().map(|&x| ((x + 1.5) * 85.0) as u8).collect::<Vec<_>>();
        if base.metric.needs_non_negative() {
            rows.iter_mut().chain(&mut queries).for_each(|x| *x = x.abs());
        }
        let stored = match base.dtype {
            DType::F16 => Stored::F16(halves(&rows), halves(&queries)),
            DType::U8 => Stored::U8(bytes(&rows), bytes(&queries)),
            _ => Stored::F32,
        };
        let mut set = Set { rows: Vec::new(), queries: Vec::new(), stored, d: base.d };
        if base.dtype != DType::F32 {
            rows = set.rows().to_f32();
            queries = set.queries(0..queries.len() / base.d).to_f32();
        }
        (set.rows, set.queries) = (rows, queries);
        set
    }

    pub fn rows(&self) -> Rows<'_> {
        match &self.stored {
            Stored::F32 => Rows::F32(&self.rows),
            Stored::F16(rows, _) => Rows::F16(rows),
            Stored::U8(rows, _) => Rows::U8(rows),
        }
    }

    /// `count` queries for a run, others than those of the run before.
    pub fn batch(&self, run: usize, count: usize) -> Rows<'_> {
        let step = (self.queries.len() / self.d - count).max(1);
        let first = (run * count) % step;
        self.queries(first..first + count)
    }

    fn queries(&self, which: Range<usize>) -> Rows<'_> {
        let elements = which.start * self.d..which.end * self.d;
        match &self.stored {
            Stored::F32 => Rows::F32(&self.queries[elements]),
            Stored::F16(_, queries) => Rows::F16(&queries[elements]),
            Stored::U8(_, queries) => Rows::U8(&queries[elements]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::random::BLOCK;

    #[test]
    fn rows_are_those_that_the_peers_search() {
        let values = random::rows(BLOCK + 2, 1, 1).unwrap();
        let some = [values[0], values[1], values[2], values[BLOCK + 1]];
        // The same numbers stand in tests/records.rs, which holds benches/peers/data.py to them.
        assert_eq!(some, [0.404_112_34, 0.271_334_17, 0.301_096_44, 0.421_958_45]);
    }
}

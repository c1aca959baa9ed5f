//! Rows to time with: sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine.

use crate::shell::failure::{Failure, Result};
use crate::shell::random;

/// Rows and queries of one dimension.
pub struct Set {
    pub dim: usize,
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

impl Set {
    pub fn new(rows: usize, queries: usize, dim: usize) -> Result<Set> {
        let queries = random(queries, dim, 0x5eed)?;
        Ok(Set { dim, rows: random(rows, dim, 1)?, queries })
    }

    pub fn query_count(&self) -> usize {
        self.queries.len() / self.dim
    }
}

fn random(rows: usize, dim: usize, seed: u64) -> Result<Vec<f32>> {
    let too_many = || Failure::Work(format!("{rows} rows of {dim} do not fit in memory"));
    let mut values: Vec<f32> = Vec::new();
    let count = rows.checked_mul(dim).ok_or_else(too_many)?;
    values.try_reserve_exact(count).map_err(|_| too_many())?;
    values.resize(count, 0.0);
    random::fill(&mut values, seed);
    Ok(values)
}

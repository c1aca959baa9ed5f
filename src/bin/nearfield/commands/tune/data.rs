//! Rows to time with.

use crate::shell::failure::Result;
use crate::shell::random;

/// Rows and queries of one dimension.
pub struct Set {
    pub dim: usize,
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
}

impl Set {
    pub fn new(rows: usize, queries: usize, dim: usize) -> Result<Set> {
        let queries = random::rows(queries, dim, 0x5eed)?;
        Ok(Set { dim, rows: random::rows(rows, dim, 1)?, queries })
    }

    pub fn query_count(&self) -> usize {
        self.queries.len() / self.dim
    }
}

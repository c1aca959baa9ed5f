//! Rows to bench with: sums of three uniform numbers, so near enough to a bell; seeded, the same on every machine and, by
//! benches/peers/data.py, for the libraries that are measured beside this one.

use super::suite::Base;
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

/// Most queries of a case, and as many again to take others each run.
const QUERIES: usize = 20_000;

impl Set {
    pub fn new(base: &Base) -> Set {
        let rows = random(base.n * base.d, 1);
        let queries = random(QUERIES * base.d, 0x5eed);
        Set::of(base, rows, queries)
    }

    /// These numbers, rounded to what the type of the base has.
    pub fn of(base: &Base, mut rows: Vec<f32>, mut queries: Vec<f32>) -> Set {
        let halves = |v: &[f32]| v.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
        let bytes = |v: &[f32]| v.iter().map(|&x| ((x + 1.5) * 85.0) as u8).collect::<Vec<_>>();
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

    pub fn queries(&self, which: Range<usize>) -> Rows<'_> {
        let elements = which.start * self.d..which.end * self.d;
        match &self.stored {
            Stored::F32 => Rows::F32(&self.queries[elements]),
            Stored::F16(_, queries) => Rows::F16(&queries[elements]),
            Stored::U8(_, queries) => Rows::U8(&queries[elements]),
        }
    }
}

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0f32; count];
    random::fill(&mut values, seed);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::random::BLOCK;

    #[test]
    fn rows_are_those_that_the_peers_search() {
        let values = random(BLOCK + 2, 1);
        let some = [values[0], values[1], values[2], values[BLOCK + 1]];
        // the same numbers stand in tests/records.rs, which holds benches/peers/data.py to them
        assert_eq!(some, [0.404_112_34, 0.271_334_17, 0.301_096_44, 0.421_958_45]);
    }
}

//! Rows to bench with: the same on every machine and, by benches/peers/data.py, for the libraries that are measured beside
//! this one.

use super::case::{Asked, Base, Data};
use super::made::{self, Clusters};
use crate::shell::failure::Result;
use crate::shell::random;
use half::f16;
use nearfield::{DType, Rows};
use std::ops::Range;

/// Rows and queries of one base, and, but for bits, their numbers as f32 for the check.
pub struct Set {
    pub rows: Vec<f32>,
    pub queries: Vec<f32>,
    stored: Stored,
    d: usize,
    /// The number of the first query of each kind.
    first: [usize; Asked::ALL.len()],
    /// Queries of each kind.
    query_count: usize,
    /// The centroids that the rows were made around, where they were.
    pub centroids: Option<Vec<f32>>,
}

/// Rows and queries in the type of the base.
enum Stored {
    F32,
    F16(Vec<f16>, Vec<f16>),
    U8(Vec<u8>, Vec<u8>),
    Bits(Vec<u8>, Vec<u8>),
}

/// Queries that are made at least: the shipped suites ask at most half of them at once.
const QUERIES: usize = 20_000;

impl Set {
    /// Rows, and queries of these kinds for batches of up to `batch`, with as many again to take others each run.
    pub fn new(base: &Base, batch: usize, asked: &[Asked]) -> Result<Set> {
        let queries = batch.saturating_mul(2).max(QUERIES);
        if base.dtype == DType::Bits {
            let rows = random::bits(base.n, base.d, 1)?;
            return Ok(Set::of_bits(base.d, rows, random::bits(queries, base.d, 0x5eed)?));
        }
        let (n, d, mut centroids) = (base.n, base.d, None);
        let (rows, mut all) = match base.data {
            Data::Independent => (random::rows(n, d, 1)?, random::rows(queries, d, 0x5eed)?),
            Data::LowRank => (made::low_rank(n, d, 1)?, made::low_rank(queries, d, 0x5eed)?),
            Data::Clusters(largest) => {
                let clusters = Clusters::new(n, d, base.lists.unwrap_or(1), largest)?;
                let made = (clusters.rows()?, clusters.queries(queries, 0x5eed)?);
                centroids = Some(clusters.centroids);
                made
            }
        };
        let mut first = [0; Asked::ALL.len()];
        for (kind, first) in
            Asked::ALL.iter().zip(&mut first).filter(|(kind, _)| asked.contains(kind))
        {
            let crowd = match kind {
                Asked::Rows => continue,
                Asked::OneList => made::around_one(&rows, d, queries, 0x5eed)?,
                Asked::Zipf => made::zipf(&rows, d, base.lists.unwrap_or(1), queries, 0x5eed)?,
            };
            *first = all.len() / d;
            all.extend(crowd);
        }
        let set = Set::of(base, rows, all);
        Ok(Set { first, query_count: queries, centroids, ..set })
    }

    /// These numbers, without their signs where the metric takes none, rounded to what the type of the base has.
    pub fn of(base: &Base, mut rows: Vec<f32>, mut queries: Vec<f32>) -> Set {
        let halves = |v: &[f32]| v.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
        let bytes = |v: &[f32]| v.iter().map(|&x| ((x + 1.5) * 85.0) as u8).collect::<Vec<_>>();
        if base.truth.needs_non_negative() {
            rows.iter_mut().chain(&mut queries).for_each(|x| *x = x.abs());
        }
        let stored = match base.dtype {
            DType::F16 => Stored::F16(halves(&rows), halves(&queries)),
            DType::U8 => Stored::U8(bytes(&rows), bytes(&queries)),
            _ => Stored::F32,
        };
        let (d, query_count) = (base.d, queries.len() / base.d);
        let (first, centroids) = ([0; Asked::ALL.len()], None);
        #[rustfmt::skip]
        let mut set =
            Set { rows: Vec::new(), queries: Vec::new(), stored, d, first, query_count, centroids };
        if base.dtype != DType::F32 {
            rows = set.rows().to_f32();
            queries = set.queries(0..query_count).to_f32();
        }
        (set.rows, set.queries) = (rows, queries);
        set
    }

    /// The same queries of other rows in f32.
    pub fn with_rows(&self, rows: Vec<f32>) -> Set {
        let &Set { d, first, query_count, .. } = self;
        let (queries, stored, centroids) = (self.queries.clone(), Stored::F32, None);
        Set { rows, queries, stored, d, first, query_count, centroids }
    }

    /// Packed rows and queries of `d` bits.
    pub fn of_bits(d: usize, rows: Vec<u8>, queries: Vec<u8>) -> Set {
        let query_count = queries.len() / DType::Bits.row_bytes(d);
        let stored = Stored::Bits(rows, queries);
        let (first, centroids) = ([0; Asked::ALL.len()], None);
        Set { rows: Vec::new(), queries: Vec::new(), stored, d, first, query_count, centroids }
    }

    /// Packed rows and queries, where they are bits.
    pub fn bits(&self) -> Option<(&[u8], &[u8])> {
        match &self.stored {
            Stored::Bits(rows, queries) => Some((rows, queries)),
            _ => None,
        }
    }

    /// A row in f64.
    pub fn row(&self, number: usize) -> Vec<f64> {
        match &self.stored {
            Stored::Bits(rows, _) => unpacked(rows, self.d, number),
            _ => widened(&self.rows, self.d, number),
        }
    }

    /// The number of the first query of the first batch.
    pub fn first(&self, asked: Asked) -> usize {
        self.first[asked as usize]
    }

    /// A query in f64.
    pub fn query(&self, number: usize) -> Vec<f64> {
        match &self.stored {
            Stored::Bits(_, queries) => unpacked(queries, self.d, number),
            _ => widened(&self.queries, self.d, number),
        }
    }

    pub fn rows(&self) -> Rows<'_> {
        match &self.stored {
            Stored::F32 => Rows::F32(&self.rows),
            Stored::F16(rows, _) => Rows::F16(rows),
            Stored::U8(rows, _) => Rows::U8(rows),
            Stored::Bits(rows, _) => Rows::Bits(rows),
        }
    }

    /// `count` queries for a run, others than those of the run before.
    pub fn batch(&self, asked: Asked, run: usize, count: usize) -> Rows<'_> {
        let step = (self.query_count - count).max(1);
        let first = self.first(asked) + (run * count) % step;
        self.queries(first..first + count)
    }

    fn queries(&self, which: Range<usize>) -> Rows<'_> {
        let elements = which.start * self.d..which.end * self.d;
        match &self.stored {
            Stored::F32 => Rows::F32(&self.queries[elements]),
            Stored::F16(_, queries) => Rows::F16(&queries[elements]),
            Stored::U8(_, queries) => Rows::U8(&queries[elements]),
            Stored::Bits(_, queries) => Rows::Bits(queries).slice(self.d, which),
        }
    }
}

fn widened(values: &[f32], d: usize, number: usize) -> Vec<f64> {
    values[number * d..][..d].iter().map(|&x| f64::from(x)).collect()
}

fn unpacked(packed: &[u8], d: usize, number: usize) -> Vec<f64> {
    let row = &packed[number * DType::Bits.row_bytes(d)..];
    (0..d).map(|bit| f64::from(row[bit / 8] >> (bit % 8) & 1)).collect()
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

    #[test]
    fn bits_are_those_that_the_peers_search_and_none_is_behind_the_last() {
        let bytes = random::bits(BLOCK / 2 + 1, 11, 1).unwrap();
        // The same bytes stand in tests/records.rs.
        assert_eq!(
            [bytes[0], bytes[1], bytes[2], bytes[BLOCK], bytes[BLOCK + 1]],
            [26, 6, 116, 61, 1]
        );
        assert!(bytes.chunks(2).all(|row| row[1] < 8));
        let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
        assert!((ones as f64 / (11.0 * (BLOCK / 2) as f64) - 0.5).abs() < 0.01);
        let base = Set::of_bits(11, bytes.clone(), bytes);
        assert_eq!(base.row(0), base.query(0));
        assert_eq!(base.row(1).len(), 11);
        assert_eq!(base.batch(Asked::Rows, 1, 3).bytes(), &base.rows().bytes()[6..12]);
    }
}

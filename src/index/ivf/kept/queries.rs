//! The queries of a call on the host, and the rows that their filters leave as far as the host knows.

use crate::call::{EachFilter, Filter, SharedFilter, mask_words};
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::exact::query_count;
use crate::metric::Metric;
use crate::space::{self, check};
use std::borrow::Cow;

/// Queries in f32, all of them checked.
pub(super) struct Queries {
    pub count: usize,
    dim: usize,
    /// As they were given.
    given: Vec<f32>,
    /// Of length 1, where the metric compares directions.
    unit: Option<Vec<f32>>,
    /// The length of each as it is compared, rounded up; 0 of zeros alone.
    norms: Vec<f64>,
}

impl Queries {
    pub fn new(metric: &Metric, dim: usize, queries: Rows<'_>) -> Result<Queries> {
        let count = query_count(queries, DType::F32, dim)?;
        check::rows(metric, queries, dim, 0)?;
        let given = queries.to_f32();
        let unit = space::is_scaled(metric).then(|| {
            let mut unit = given.clone();
            space::normalize(&mut unit, dim);
            unit
        });
        let compared = unit.as_ref().unwrap_or(&given).chunks_exact(dim);
        let norm = |query: &[f32]| match query.iter().all(|&x| x == 0.0) {
            true => 0.0,
            false => check::norm(query).into(),
        };
        let norms = compared.map(norm).collect();
        Ok(Queries { count, dim, given, unit, norms })
    }

    /// A query as rows are compared with it.
    pub fn row(&self, query: u32) -> &[f32] {
        let at = query as usize * self.dim;
        &self.unit.as_ref().unwrap_or(&self.given)[at..at + self.dim]
    }

    pub fn norm(&self, query: u32) -> f64 {
        self.norms[query as usize]
    }

    pub fn all(&self) -> Rows<'_> {
        Rows::F32(&self.given)
    }

    /// Some, as they were given.
    pub fn some(&self, which: &[u32]) -> Cow<'_, [f32]> {
        if is_all(which, self.count) {
            return Cow::Borrowed(&self.given);
        }
        let mut some = Vec::with_capacity(which.len() * self.dim);
        for &query in which {
            let at = query as usize * self.dim;
            some.extend_from_slice(&self.given[at..at + self.dim]);
        }
        Cow::Owned(some)
    }
}

/// Whether these numbers, of which none is there twice and which ascend, are all below `count`.
pub(super) fn is_all(which: &[u32], count: usize) -> bool {
    which.len() == count
}

/// What the host knows of one filter.
enum Bits {
    /// Every row passes.
    All,
    Known(Vec<u32>),
    /// It is on the device alone.
    Unknown,
}

/// Which rows pass the filters of a call.
pub(super) struct Passes {
    shared: Bits,
    each: Bits,
    /// Of the bits of a query.
    words: usize,
}

impl Passes {
    pub fn new(filter: &Filter, rows: u64) -> Passes {
        let shared = match &filter.shared {
            None => Bits::All,
            Some(SharedFilter::Words(words)) => Bits::Known(words.clone()),
            Some(SharedFilter::Biases(_)) => Bits::Unknown,
        };
        let each = match &filter.each {
            None => Bits::All,
            Some(EachFilter::Words(words)) => Bits::Known(words.clone()),
            Some(_) => Bits::Unknown,
        };
        Passes { shared, each, words: mask_words(rows) }
    }

    /// Whether the host knows of every row.
    pub fn are_known(&self) -> bool {
        !matches!(self.shared, Bits::Unknown) && !matches!(self.each, Bits::Unknown)
    }

    /// Whether a query may find a row; `None` where only the device knows.
    pub fn of(&self, query: u32, row: u32) -> Option<bool> {
        let bit = |words: &[u32]| words[row as usize / 32] >> (row % 32) & 1 != 0;
        let known = |bits: &Bits, first: usize| match bits {
            Bits::All => Some(true),
            Bits::Known(words) => Some(bit(&words[first..])),
            Bits::Unknown => None,
        };
        let both = (known(&self.shared, 0), known(&self.each, query as usize * self.words));
        match both {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_knows_what_it_made_and_no_more() {
        let words = |bits: &[u32]| Some(SharedFilter::Words(bits.to_vec()));
        let each = |bits: &[u32]| Some(EachFilter::Words(bits.to_vec()));
        let all = Passes::new(&Filter::default(), 40);
        assert!(all.are_known() && all.of(0, 39) == Some(true));
        // two words a query
        let filter = Filter { shared: words(&[0b110, 1]), each: each(&[0b010, 1, 0b100, 0]) };
        let some = Passes::new(&filter, 40);
        let of = |query| [0, 1, 2, 32].map(|row| some.of(query, row) == Some(true));
        assert_eq!((of(0), of(1)), ([false, true, false, true], [false, false, true, false]));
        let device = Filter { shared: Some(SharedFilter::Biases([].into())), ..filter };
        let both = Passes::new(&device, 40);
        assert!(!both.are_known());
        assert_eq!((both.of(0, 0), both.of(0, 1)), (Some(false), None));
    }
}

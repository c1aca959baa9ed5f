//! What conversions change of the rows of a file, counted while they are converted.

use super::conversion::Conversion;
use crate::dtype::DType;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What the conversion of a file has changed so far, from [`RowFile::losses`](super::RowFile::losses). Rows that need no
/// conversion, or one that cannot round, are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Losses {
    /// Rows that were looked at, each once.
    pub rows: u64,
    /// Those of them that changed by more than 1 % of their length; by more than 10 % where a scale was asked for.
    pub changed: u64,
    /// The first of these.
    pub first_changed: Option<u64>,
    /// The largest |x - x'| / |x| of any row x that became x'.
    pub largest: f64,
    /// Rows of f64 that became equal in f32 to another row, which they were not before. A row is compared with some thousands
    /// of those before it in its block of a few MiB, by hash, so where only few rows are equal some may be missed.
    pub merged: u64,
    /// The first of these.
    pub first_merged: Option<u64>,
}

/// One row of so many may change more.
const ROWS: u64 = 100;
/// Keeps the squares of the smallest and of the largest elements within f64.
const UP: f64 = 2.239_744_742_177_804e102; // 2^340
/// What the hash of a row begins with.
const SEED: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
/// Rows that later ones are compared with.
const SLOTS: usize = 4096;
const LANES: usize = 4;

/// What is seen of one block of rows.
#[derive(Debug)]
pub(super) struct Seen {
    columns: usize,
    /// How much of its length a row may change, squared.
    tolerated: f64,
    losses: Losses,
    /// The row in the making: its number, how much of it there is, |x|^2 and |x - x'|^2.
    row: u64,
    column: usize,
    square: f64,
    change: f64,
    /// It has elements whose squares are too small even for this, and so has none in f32.
    vanished: bool,
    /// Hashes of it and of rows before it, as they came and as they became; empty where nobody asks. No row has the hash of an
    /// empty place, 0.
    hash: (u64, u64),
    known: Vec<(u64, u64)>,
}

impl Seen {
    /// Of a block of these rows, which may change by so much of their length; `merges` says whether rows that become equal are
    /// looked for.
    pub fn new(rows: Range<u64>, columns: usize, percent: u32, merges: bool) -> Seen {
        let slots = (rows.end - rows.start).clamp(64, SLOTS as u64) as usize;
        let known = if merges { vec![(0, 0); slots] } else { Vec::new() };
        let (losses, row) = (Losses::default(), rows.start);
        let tolerated = (f64::from(percent) / 100.0).powi(2);
        let (square, change, vanished, hash) = (0.0, 0.0, false, SEED);
        Seen { columns, tolerated, losses, row, column: 0, square, change, vanished, hash, known }
    }

    /// Takes the next elements, as they were, and as they became.
    pub fn add<T: Copy + Into<f64>>(&mut self, before: &[T], after: &[f32]) {
        let mut at = 0;
        while at < before.len() {
            let end = before.len().min(at + self.columns - self.column);
            self.part(&before[at..end], &after[at..end]);
            self.column += end - at;
            at = end;
            if self.column == self.columns {
                self.end_row();
            }
        }
    }

    fn part<T: Copy + Into<f64>>(&mut self, before: &[T], after: &[f32]) {
        let (mut square, mut change) = sums(before, after, |x| x);
        if !(square + change).is_finite() {
            // What is missing or infinite is no rounding.
            (square, change) = sums(before, after, |x| if x.is_finite() { x } else { 0.0 });
        }
        self.vanished |= square == 0.0 && before.iter().any(|&x| x.into() != 0.0);
        self.square += square;
        self.change += change;
        if !self.known.is_empty() {
            let mix = |hash: u64, bits: u64| {
                (hash.rotate_left(5) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            };
            self.hash.0 = before.iter().fold(self.hash.0, |hash, &x| mix(hash, x.into().to_bits()));
            let bits = after.iter().map(|to| u64::from(to.to_bits()));
            self.hash.1 = bits.fold(self.hash.1, mix);
        }
    }

    fn end_row(&mut self) {
        let losses = &mut self.losses;
        losses.rows += 1;
        let vanished = self.vanished && self.square == 0.0;
        if vanished || self.change > self.tolerated * self.square {
            losses.changed += 1;
            losses.first_changed.get_or_insert(self.row);
        }
        if vanished {
            losses.largest = losses.largest.max(1.0);
        } else if self.square > 0.0 {
            losses.largest = losses.largest.max((self.change / self.square).sqrt());
        }
        if !self.known.is_empty() {
            let slots = self.known.len();
            let slot = &mut self.known[(self.hash.1 >> 40) as usize % slots];
            if slot.1 == self.hash.1 && slot.0 != self.hash.0 {
                losses.merged += 1;
                losses.first_merged.get_or_insert(self.row);
            }
            *slot = self.hash;
        }
        (self.row, self.column, self.square, self.change) = (self.row + 1, 0, 0.0, 0.0);
        (self.vanished, self.hash) = (false, SEED);
    }
}

/// |x|^2 and |x - x'|^2 of a part of a row, of squares that `keep` has let pass.
fn sums<T: Copy + Into<f64>>(before: &[T], after: &[f32], keep: impl Fn(f64) -> f64) -> (f64, f64) {
    // Sums of their own, of which the compiler makes vectors.
    let (mut square, mut change) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |lane: usize, x: T, to: f32| {
        let (x, lost) = (x.into() * UP, (x.into() - f64::from(to)) * UP);
        square[lane] += keep(x * x);
        change[lane] += keep(lost * lost);
    };
    let (befores, rest) = before.as_chunks::<LANES>();
    let (afters, rest_after) = after.as_chunks::<LANES>();
    for (x, to) in befores.iter().zip(afters) {
        for lane in 0..LANES {
            add(lane, x[lane], to[lane]);
        }
    }
    rest.iter().zip(rest_after).for_each(|(&x, &to)| add(0, x, to));
    (square.iter().sum(), change.iter().sum())
}

/// What all readers of a file have seen of it.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Rows that are counted, as first row and end.
    counted: BTreeMap<u64, u64>,
    losses: Losses,
}

impl Account {
    /// Adds a block, unless rows of it were there before, and refuses the file once more of its rows than may have changed.
    pub fn add(
        &self,
        rows: Range<u64>,
        seen: &Seen,
        all_rows: u64,
        (dtype, scale): (DType, f32),
        conversion: &Conversion,
    ) -> Result<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.count(rows, &seen.losses);
        let Losses { changed, first_changed: Some(first_row), .. } = inner.losses else {
            return Ok(());
        };
        if conversion.force || changed <= all_rows / ROWS {
            return Ok(());
        }
        Err(Error::LossyConversion {
            dtype: dtype.name(),
            first_row,
            changed,
            rows: all_rows,
            scale,
            percent: conversion.scale.tolerated_percent(),
            instead: conversion.scale.instead(dtype),
        })
    }

    pub fn losses(&self) -> Losses {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).losses
    }
}

impl Inner {
    fn count(&mut self, rows: Range<u64>, new: &Losses) {
        let (before, after) = (self.counted.range(..=rows.start), self.counted.range(rows.start..));
        let before = before.last().map(|(&start, &end)| (start, end));
        let after = after.clone().next().map(|(&start, &end)| (start, end));
        let overlaps = before.is_some_and(|(_, end)| end > rows.start)
            || after.is_some_and(|(start, _)| start < rows.end);
        if overlaps || rows.is_empty() {
            return;
        }
        // Neighbours become one, so that a pass over a file is one entry.
        let start = before.filter(|&(_, end)| end == rows.start).map_or(rows.start, |(s, _)| s);
        let end = match after.filter(|&(start, _)| start == rows.end) {
            Some((next, end)) => {
                self.counted.remove(&next);
                end
            }
            None => rows.end,
        };
        self.counted.insert(start, end);
        let all = &mut self.losses;
        all.rows += new.rows;
        all.changed += new.changed;
        all.merged += new.merged;
        all.largest = all.largest.max(new.largest);
        let first = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        all.first_changed = first(all.first_changed, new.first_changed);
        all.first_merged = first(all.first_merged, new.first_merged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rows: &[[f64; 2]], merges: bool) -> Losses {
        let mut seen = Seen::new(10..10 + rows.len() as u64, 2, 1, merges);
        let flat: Vec<f64> = rows.iter().flatten().copied().collect();
        let after: Vec<f32> = flat.iter().map(|&x| x as f32).collect();
        // Cut anywhere.
        let cut = flat.len().min(3);
        seen.add(&flat[..cut], &after[..cut]);
        seen.add(&flat[cut..], &after[cut..]);
        seen.losses
    }

    #[test]
    fn rows_that_vanish_have_changed() {
        let losses = seen(&[[1.0, 0.1], [1e-60, -1e-200], [0.0, 0.0], [f64::NAN, 1e30]], false);
        assert_eq!((losses.rows, losses.changed, losses.first_changed), (4, 1, Some(11)));
        assert_eq!((losses.largest, losses.merged), (1.0, 0));
        let losses = seen(&[[1.0, 0.1], [3.4e38, 1e-40]], false);
        assert!(losses.changed == 0 && losses.largest > 0.0 && losses.largest < 1e-7);
        // elements whose squares f64 does not hold either, beside zeros and a row of them
        let losses = seen(&[[0.0, 0.0], [1e-270, 0.0], [1e-300, 1.0], [0.0, 5e-324]], true);
        assert_eq!((losses.changed, losses.first_changed, losses.largest), (2, Some(11), 1.0));
        assert_eq!(losses.merged, 2, "with the zero row, and with each other");
    }

    #[test]
    fn rows_that_become_equal_are_found() {
        let tiny = f64::EPSILON;
        let rows = [[1.0, 2.0], [1.0, 2.0], [1.0 + tiny, 2.0], [3.0, 4.0], [1.0, 2.0 + 2.0 * tiny]];
        let losses = seen(&rows, true);
        assert_eq!((losses.merged, losses.first_merged), (2, Some(12)));
        assert_eq!(seen(&[[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]], true).merged, 0);
        assert_eq!(seen(&[[1e-300, 0.0], [1.0, 0.0]], true).merged, 0, "there is no row before it");
    }

    #[test]
    fn rows_count_once_and_neighbours_become_one() {
        let (mut inner, one) = (Inner::default(), Losses { changed: 1, ..Losses::default() });
        for (rows, counts) in
            [(0..10, 1), (20..30, 2), (0..10, 2), (5..12, 2), (10..20, 3), (30..31, 4), (0..31, 4)]
        {
            inner.count(rows, &one);
            assert_eq!(inner.losses.changed, counts);
        }
        assert_eq!(inner.counted, BTreeMap::from([(0, 31)]));
    }
}

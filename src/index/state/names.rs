//! Which row has which id, of one state and whatever the rows are.

use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::error::Result;
use crate::exact::NO_ROW;
use crate::index::ids::{Ids, RowSet};
use crate::parallel::each;
use std::sync::Arc;

/// Rows that one thread looks up at a time.
const PIECE: usize = 64 << 10;

/// The ids of a snapshot's rows, and which are not removed.
#[derive(Clone)]
pub(in crate::index) struct Names {
    ids: Ids,
    live: Option<Arc<RowSet>>,
}

impl<R: Stored> Snapshot<R> {
    pub fn names(&self) -> Names {
        Names { ids: self.ids().clone(), live: self.live_rows() }
    }
}

impl Names {
    /// Rows, those that are removed included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The row of an id, where it is there.
    pub fn find(&self, id: u64) -> Option<u32> {
        self.ids.rows_of(id).find(|&row| self.has(row)).map(|row| row as u32)
    }

    fn has(&self, row: usize) -> bool {
        self.live.as_ref().is_none_or(|live| live.has(row))
    }

    /// For each row the one of `other` that has its id, [`NO_ROW`] for what has none; `None` where both number their rows alike.
    pub fn rows_in(&self, other: &Names) -> Result<Option<Vec<u32>>> {
        if self.live == other.live && self.same_ids(other) {
            return Ok(None);
        }
        let mut rows = vec![NO_ROW; self.len()];
        let alike = each(rows.chunks_mut(PIECE).enumerate().collect(), |(at, rows)| {
            let (first, mut ids) = (at * PIECE, Vec::with_capacity(rows.len()));
            self.ids.read(first..first + rows.len(), &mut ids);
            let mut alike = true;
            for ((row, to), id) in (first..).zip(rows).zip(ids) {
                if self.has(row) {
                    *to = other.find(id).unwrap_or(NO_ROW);
                    alike &= *to as usize == row;
                }
            }
            Ok(alike)
        })?;
        Ok((!alike.into_iter().all(|alike| alike)).then_some(rows))
    }

    fn same_ids(&self, other: &Names) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let read = |of: &Names, first: usize| {
            let (end, mut ids) = ((first + PIECE).min(of.len()), Vec::new());
            of.ids.read(first..end, &mut ids);
            ids
        };
        self.ids.shared_with(&other.ids)
            || (0..self.len()).step_by(PIECE).all(|first| read(self, first) == read(other, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ids: &[u64], removed: &[usize]) -> Names {
        let mut live = RowSet::all(ids.len());
        removed.iter().for_each(|&row| live.remove(row));
        let live = (!removed.is_empty()).then(|| Arc::new(live));
        Names { ids: Ids::default().with_list(ids), live }
    }

    #[test]
    fn rows_are_known_by_their_ids_and_not_by_their_places() {
        let first = names(&[7, 3, 9, 5], &[]);
        assert_eq!(first.rows_in(&names(&[7, 3, 9, 5], &[])).unwrap(), None);
        assert_eq!(first.rows_in(&names(&[3, 5, 7, 9], &[])).unwrap(), Some(vec![2, 0, 3, 1]));
        assert_eq!((first.find(9), first.find(4), first.len()), (Some(2), None, 4));
        // removed rows of one that the other has copied together
        let masked = names(&[7, 3, 9, 5], &[1]);
        assert_eq!(masked.rows_in(&names(&[7, 9, 5], &[])).unwrap(), Some(vec![0, NO_ROW, 1, 2]));
        assert_eq!(names(&[7, 9, 5], &[]).rows_in(&masked).unwrap(), Some(vec![0, 2, 3]));
        // behind all others, where they change no number
        assert_eq!(names(&[7, 3, 9, 5], &[3]).rows_in(&names(&[7, 3, 9], &[])).unwrap(), None);
        // an id that came back, which stands at the same places in both, but not of the same row
        let (one, other) = (names(&[7, 3, 7], &[0]), names(&[7, 3, 7], &[2]));
        assert_eq!(one.rows_in(&other).unwrap(), Some(vec![NO_ROW, 1, 0]));
        assert_eq!(one.rows_in(&one).unwrap(), None);
        let none = names(&[], &[]);
        assert_eq!(none.rows_in(&none).unwrap(), None);
    }

    #[test]
    fn many_rows_are_looked_up_in_pieces() {
        let n = 3 * PIECE as u64 + 5;
        let (up, down): (Vec<u64>, Vec<u64>) = ((0..n).collect(), (0..n).rev().collect());
        let (up, down) = (names(&up, &[]), names(&down, &[]));
        let rows = up.rows_in(&down).unwrap().unwrap();
        assert!(rows.iter().rev().enumerate().all(|(at, &row)| at == row as usize));
        assert_eq!(down.rows_in(&down.clone()).unwrap(), None);
    }
}

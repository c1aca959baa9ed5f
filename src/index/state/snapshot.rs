//! One state of an index. It never changes: every change makes another that shares what is equal.

use super::stored::Stored;
use crate::buffer::Matrix;
use crate::call::{RowHits, RowIds};
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::hits::Hits;
use crate::index::ids::{self, Ids, MAX_ID, RowSet};
use crate::index::params::TrainParams;
use std::ops::Range;
use std::sync::Arc;

/// More than one in so many rows that are removed are too many: then the others are copied together, which for each row that is
/// removed copies some five, and the memory stays within a quarter of what the rows need.
const MOST_REMOVED: usize = 5;

/// Rows, their ids, and which of them are removed.
#[derive(Clone)]
pub(in crate::index) struct Snapshot<R> {
    rows: R,
    ids: Ids,
    /// The rows that are not removed; `None` where none is.
    live: Option<Arc<RowSet>>,
    /// How many they are.
    len: usize,
    /// The id of the next row that is added without one.
    next_id: u64,
}

impl<R: Stored> Snapshot<R> {
    /// Of rows none of which is removed; `ids` has an id for each of them, all below `next_id`.
    pub fn new(rows: R, ids: Ids, next_id: u64) -> Snapshot<R> {
        Snapshot { len: ids.len(), rows, ids, live: None, next_id }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn rows(&self) -> &R {
        &self.rows
    }

    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Which rows are not removed; `None` where none is.
    pub fn live(&self) -> Option<&RowSet> {
        self.live.as_deref()
    }

    /// The same, for whoever keeps them.
    pub fn live_rows(&self) -> Option<Arc<RowSet>> {
        self.live.clone()
    }

    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The same ids with other values in rows.
    pub fn with_rows(&self, rows: R) -> Snapshot<R> {
        Snapshot { rows, ..self.clone() }
    }

    /// The same, of which no row that is added without an id gets one below `next_id`.
    pub fn reserving(&self, next_id: u64) -> Snapshot<R> {
        Snapshot { next_id: self.next_id.max(next_id), ..self.clone() }
    }

    /// The row of an id.
    pub fn row_of(&self, id: u64) -> Result<usize> {
        self.find(id).ok_or(Error::UnknownId { id })
    }

    /// The row of an id, where it is there.
    pub fn find(&self, id: u64) -> Option<usize> {
        let live = |&row: &usize| self.live.as_ref().is_none_or(|live| live.has(row));
        self.ids.rows_of(id).find(live)
    }

    /// The same, with rows that have learnt from a sample.
    pub fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<Snapshot<R>> {
        Ok(self.with_rows(self.rows.train(sample, params)?))
    }

    /// With the rows of a stream behind, under these ids or the next ones; and the ids that were given to them.
    pub fn add(
        &self,
        source: &mut dyn RowSource,
        ids: Option<&[u64]>,
    ) -> Result<(Snapshot<R>, Range<u64>)> {
        self.add_with(source.remaining(), ids, |rows| rows.append(source))
    }

    /// The same of a matrix.
    pub fn add_matrix(
        &self,
        matrix: &Matrix,
        ids: Option<&[u64]>,
    ) -> Result<(Snapshot<R>, Range<u64>)> {
        self.add_with(Some(matrix.row_count()), ids, |rows| rows.append_matrix(matrix))
    }

    /// With the rows of another that are not removed behind its own, under their ids; and how many they are.
    pub fn merge(&self, other: &Snapshot<R>) -> Result<(Snapshot<R>, usize)> {
        let (ids, live) = (other.live_ids(), other.live());
        let merged = self
            .add_with(Some(other.len as u64), Some(&ids), |rows| rows.merge(&other.rows, live))?;
        Ok((merged.0, other.len))
    }

    /// With the rows that `append` adds, which are `count` where that is known.
    fn add_with(
        &self,
        count: Option<u64>,
        ids: Option<&[u64]>,
        append: impl FnOnce(&R) -> Result<R>,
    ) -> Result<(Snapshot<R>, Range<u64>)> {
        if let Some(ids) = ids {
            self.check_new(ids)?;
            if let Some(count) = count {
                matching(count, ids)?;
            }
        }
        let rows = append(&self.rows)?;
        let added = rows.len() - self.rows.len();
        let mut next = Snapshot { rows, len: self.len + added as usize, ..self.clone() };
        let end = self.next_id.saturating_add(added);
        let given = match ids {
            Some(given) => {
                matching(added, given)?;
                next.ids = self.ids.with_list(given);
                next.next_id = given.iter().fold(self.next_id, |end, &id| end.max(id + 1));
                self.next_id..self.next_id
            }
            None if end > MAX_ID => {
                let what = "ids".to_owned();
                return Err(Error::LimitExceeded { what, needed: end, limit: MAX_ID });
            }
            None => {
                next.ids = self.ids.with_run(self.next_id, added as usize);
                next.next_id = end;
                self.next_id..end
            }
        };
        next.live = self.live.as_ref().map(|live| Arc::new(live.grown(added as usize)));
        Ok((next, given))
    }

    fn check_new(&self, ids: &[u64]) -> Result<()> {
        check_distinct(ids)?;
        match ids.iter().find(|&&id| self.find(id).is_some()) {
            Some(&id) => Err(Error::DuplicateId { id }),
            None => Ok(()),
        }
    }

    /// Without these ids; and how many of them were there.
    pub fn remove(&self, ids: &[u64]) -> Result<(Snapshot<R>, usize)> {
        let all = self.rows.len() as usize;
        let mut live = self.live.as_ref().map_or_else(|| RowSet::all(all), |l| (**l).clone());
        let mut removed = 0;
        for &id in ids {
            if let Some(row) = self.ids.rows_of(id).find(|&row| live.has(row)) {
                live.remove(row);
                removed += 1;
            }
        }
        let len = self.len - removed;
        if removed == 0 {
            return Ok((self.clone(), 0));
        }
        if all - len > all / MOST_REMOVED {
            match self.compacted(&live) {
                // There was no room for the copy: the rows stay, masked.
                Err(Error::OutOfDeviceMemory { .. }) => {}
                other => return Ok((other?, removed)),
            }
        }
        let rows = self.rows.mask(live.words())?;
        Ok((Snapshot { rows, live: Some(Arc::new(live)), len, ..self.clone() }, removed))
    }

    fn compacted(&self, live: &RowSet) -> Result<Snapshot<R>> {
        let keep: Vec<u32> = live.iter().collect();
        let rows = self.rows.gather(&keep)?;
        let ids = self.ids.gather(&keep);
        Ok(Snapshot::new(rows, ids, self.next_id))
    }

    /// The bytes of the rows of some ids, one after the other.
    pub fn reconstruct(&self, ids: &[u64], out: &mut [u8]) -> Result<()> {
        let row_bytes = self.rows.dtype().row_bytes(self.rows.dim());
        if ids.len().checked_mul(row_bytes) != Some(out.len()) {
            let reason = format!("{} bytes for {} rows of {row_bytes}", out.len(), ids.len());
            return Err(Error::argument("out", reason));
        }
        let rows = ids.iter().map(|&id| Ok(self.row_of(id)? as u32));
        self.rows.read_rows(&rows.collect::<Result<Vec<u32>>>()?, out)
    }

    /// The ids of the rows that are not removed, in their order.
    pub fn live_ids(&self) -> Vec<u64> {
        let mut ids = Vec::with_capacity(self.ids.len());
        self.ids.read(0..self.ids.len(), &mut ids);
        if let Some(live) = &self.live {
            let mut row = 0..;
            ids.retain(|_| row.next().is_some_and(|row| live.has(row)));
        }
        ids
    }

    /// The ids of rows, for a search that keeps this snapshot until it ends.
    pub fn row_ids(self: &Arc<Self>) -> RowIds {
        let now = Arc::clone(self);
        RowIds::new(move |rows, ids| {
            let places = ids.iter_mut().zip(rows);
            match now.ids.as_run() {
                Some(first) => places.for_each(|(id, &row)| *id = first + u64::from(row)),
                None => places.for_each(|(id, &row)| *id = now.ids.id(row as usize)),
            }
        })
    }

    /// What was found, as the caller gets it.
    pub fn hits(&self, found: RowHits) -> Hits {
        let RowHits { lims, ids, distances, proved, stats } = found;
        Hits::new(lims, ids, distances, self.rows.metric().order(), stats).with_proved(proved)
    }
}

/// Refuses ids that no index takes, and one that is there twice.
pub(super) fn check_distinct(ids: &[u64]) -> Result<()> {
    if let Some(id) = ids.iter().find(|&&id| id >= MAX_ID) {
        return Err(Error::argument("ids", format!("{id} is not below 2^63")));
    }
    match ids::duplicate(&mut ids.to_vec()) {
        Some(id) => Err(Error::DuplicateId { id }),
        None => Ok(()),
    }
}

pub(super) fn matching(rows: u64, ids: &[u64]) -> Result<()> {
    if rows == ids.len() as u64 {
        return Ok(());
    }
    Err(Error::argument("ids", format!("{} ids for {rows} rows", ids.len())))
}

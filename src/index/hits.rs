//! What a search found.

use crate::call::SearchStats;
use crate::error::{Error, Result};
use crate::metric::Order;
use std::ops::Range;

/// What a search found: for each query ids and distances, nearest first, by the ordering key that [`Metric`](crate::Metric) names and
/// among equals in the order of adding.
///
/// Both are flat lists in which query i has `lims()[i]..lims()[i + 1]`, as FAISS lays out a range search. A query of a
/// search for k neighbours has fewer than k hits only where there are no more rows that can be hits.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, Search};
/// let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0])?;
/// let hits = index.search(&[0.0, 0.0, 3.0, 3.0], 2)?;
/// for (query, row) in hits.rows().enumerate() {
///     for (id, distance) in row {
///         println!("{query}: row {id} at {distance}");
///     }
/// }
/// // as FAISS has them: query by query, k of each
/// let (ids, distances) = hits.to_arrays(2)?;
/// assert_eq!((ids, distances), (vec![0, 1, 1, 0], vec![0.0, 25.0, 1.0, 18.0]));
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hits {
    lims: Vec<usize>,
    ids: Vec<u64>,
    distances: Vec<f32>,
    order: Order,
    stats: SearchStats,
}

/// What a range search found: [`Hits`] of any number a query.
pub type RangeHits = Hits;

impl Hits {
    pub(super) fn new(
        lims: Vec<usize>,
        ids: Vec<u64>,
        distances: Vec<f32>,
        order: Order,
        stats: SearchStats,
    ) -> Hits {
        Hits { lims, ids, distances, order, stats }
    }

    /// Number of queries.
    pub fn len(&self) -> usize {
        self.lims.len().saturating_sub(1)
    }

    /// Whether there were no queries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Id and distance of the hits of query `i`, nearest first.
    ///
    /// # Panics
    /// When there is no such query, as indexing does.
    pub fn row(
        &self,
        i: usize,
    ) -> impl ExactSizeIterator<Item = (u64, f32)> + DoubleEndedIterator + '_ {
        let range = self.range(i);
        let ids = self.ids[range.clone()].iter().copied();
        ids.zip(self.distances[range].iter().copied())
    }

    /// The hits of every query in turn.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Vec<(u64, f32)>> + '_ {
        (0..self.len()).map(|i| self.row(i).collect())
    }

    /// The ids of all queries, one after the other.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The distance of each of [`ids`](Self::ids).
    pub fn distances(&self) -> &[f32] {
        &self.distances
    }

    /// Where each query begins in [`ids`](Self::ids), and at last where the last one ends.
    pub fn lims(&self) -> &[usize] {
        &self.lims
    }

    /// What the search did.
    pub fn stats(&self) -> &SearchStats {
        &self.stats
    }

    /// The first `k` hits of each query as two arrays of n x k. Where there is no hit: id -1 and distance `f32::MAX`,
    /// of similarities `-f32::MAX`.
    ///
    /// # Errors
    /// `InvalidArgument` when arrays of that size do not fit in memory.
    pub fn to_arrays(&self, k: usize) -> Result<(Vec<i64>, Vec<f32>)> {
        let (mut ids, mut distances) = (Vec::new(), Vec::new());
        let room = self.len().checked_mul(k).and_then(|total| {
            ids.try_reserve_exact(total).ok()?;
            distances.try_reserve_exact(total).ok()
        });
        if room.is_none() {
            let reason = format!("{} x {k} hits do not fit in memory", self.len());
            return Err(Error::argument("k", reason));
        }
        for query in 0..self.len() {
            let range = self.range(query);
            let range = range.start..range.end.min(range.start.saturating_add(k));
            // ids lie below 2^63
            ids.extend(self.ids[range.clone()].iter().map(|&id| id as i64));
            ids.resize((query + 1) * k, -1);
            distances.extend_from_slice(&self.distances[range]);
            distances.resize((query + 1) * k, self.order.no_hit());
        }
        Ok((ids, distances))
    }

    fn range(&self, query: usize) -> Range<usize> {
        self.lims[query]..self.lims[query + 1]
    }
}

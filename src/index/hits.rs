//! What a search found.

use crate::call::SearchStats;
use crate::error::{Error, Result};
use crate::metric::Order;
use std::ops::Range;

/// What a search found: for each query ids and distances, nearest first, by the ordering key that [`Metric`](crate::Metric) names and
/// among equals in the order of adding.
///
/// Both are flat lists in which query i has `lims()[i]..lims()[i + 1]`, as FAISS lays out a range search. A query of a
/// search for k neighbours has fewer than k hits only where there are no more rows that can be hits, of an index of lists in those
/// that were looked at.
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
#[doc(alias("neighbors", "neighbours", "labels"))]
#[derive(Clone, Debug)]
pub struct Hits {
    lims: Vec<usize>,
    ids: Vec<u64>,
    distances: Vec<f32>,
    order: Order,
    proved: Vec<bool>,
    stats: SearchStats,
}

/// What a range search found: [`Hits`] of any number a query.
///
/// # Example
/// ```no_run
/// # use nearfield::*;
/// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0, 0.0, 1.0])?;
/// let hits: RangeHits = index.range_search(&[0.0, 0.0, 9.0, 9.0], 2.0)?;
/// assert_eq!((hits.row(0).len(), hits.row(1).len()), (2, 0));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub type RangeHits = Hits;

impl Hits {
    pub(super) fn new(
        lims: Vec<usize>,
        ids: Vec<u64>,
        distances: Vec<f32>,
        order: Order,
        stats: SearchStats,
    ) -> Hits {
        Hits { lims, ids, distances, order, proved: Vec::new(), stats }
    }

    /// With what is proved of each query.
    pub(super) fn with_proved(self, proved: Vec<bool>) -> Hits {
        Hits { proved, ..self }
    }

    /// Number of queries.
    pub fn len(&self) -> usize {
        self.lims.len().saturating_sub(1)
    }

    /// Whether there were no queries.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// assert!(index.search(&[], 1)?.is_empty());
    /// // a query that nothing was found for is one
    /// assert!(!index.search(&[3.0, 4.0], 1)?.is_empty());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Id and distance of the hits of query `i`, nearest first.
    ///
    /// # Panics
    /// When there is no such query, as indexing does.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0])?;
    /// let hits = index.search(&[3.0, 3.0, 0.0, 0.0], 1)?;
    /// assert_eq!(hits.row(0).next(), Some((1, 1.0)));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn row(
        &self,
        i: usize,
    ) -> impl ExactSizeIterator<Item = (u64, f32)> + DoubleEndedIterator + '_ {
        let range = self.range(i);
        let ids = self.ids[range.clone()].iter().copied();
        ids.zip(self.distances[range].iter().copied())
    }

    /// The hits of every query in turn.
    pub fn rows(&self) -> HitRows<'_> {
        HitRows { hits: self, queries: 0..self.len() }
    }

    /// The ids of all queries, one after the other.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The distance of each of [`ids`](Self::ids).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0])?;
    /// let hits = index.search(&[0.0, 0.0], 2)?;
    /// let farthest = hits.distances().iter().copied().fold(0.0, f32::max);
    /// assert_eq!(farthest, 25.0);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn distances(&self) -> &[f32] {
        &self.distances
    }

    /// Where each query begins in [`ids`](Self::ids), and at last where the last one ends.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 0.0, 1.0])?;
    /// let hits = index.range_search(&[0.0, 0.0, 9.0, 9.0, 3.0, 4.0], 2.0)?;
    /// assert_eq!((hits.lims(), hits.ids()), (&[0, 2, 2, 3][..], &[0, 2, 1][..]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn lims(&self) -> &[usize] {
        &self.lims
    }

    /// What the search did.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// let hits = index.search(&[0.0, 0.0], 2)?;
    /// println!("{:?} read {} bytes", hits.stats().variants, hits.stats().bytes);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn stats(&self) -> &SearchStats {
        &self.stats
    }

    /// Whether it is proved that query `i` missed nothing: no row that was not looked at is nearer than the last of its hits, or, of a range
    /// search, within the radius. Never true where that is not so; false where it may not be, and where nobody asked
    /// ([`IvfParams::prove`](crate::IvfParams#structfield.prove)).
    ///
    /// # Panics
    /// When there is no such query, as indexing does.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// let params = SearchParams::new().ivf(IvfParams::new().nprobe(8).prove(true));
    /// let hits = index.search_with(Rows::F32(&[0.5; 1280]), 10, &params)?;
    /// let unsure = (0..hits.len()).filter(|&query| !hits.proved(query)).count();
    /// println!("{unsure} of {} queries may have nearer rows in other lists", hits.len());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn proved(&self, i: usize) -> bool {
        let _ = self.range(i);
        self.proved.get(i).copied().unwrap_or(false)
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

/// The hits of every query in turn, from [`Hits::rows`] or a loop over `&Hits`.
///
/// # Example
/// ```
/// use nearfield::{HitRows, Hits};
/// fn of_the_last_two(hits: &Hits) -> Vec<Vec<(u64, f32)>> {
///     let rows: HitRows<'_> = hits.rows();
///     let all = rows.len();
///     rows.skip(all.saturating_sub(2)).collect()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct HitRows<'a> {
    hits: &'a Hits,
    queries: Range<usize>,
}

impl Iterator for HitRows<'_> {
    type Item = Vec<(u64, f32)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.queries.next().map(|query| self.hits.row(query).collect())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.queries.size_hint()
    }
}

impl ExactSizeIterator for HitRows<'_> {}

impl<'a> IntoIterator for &'a Hits {
    type Item = Vec<(u64, f32)>;
    type IntoIter = HitRows<'a>;

    /// As [`Hits::rows`].
    fn into_iter(self) -> HitRows<'a> {
        self.rows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_over_hits_is_one_over_queries() {
        let (lims, ids, distances) = (vec![0, 2, 2, 3], vec![5, 3, 9], vec![0.5, 1.0, 0.0]);
        let hits = Hits::new(lims, ids, distances, Order::Ascending, SearchStats::default());
        let mut seen = Vec::new();
        for row in &hits {
            seen.push(row);
        }
        assert_eq!(seen, [vec![(5, 0.5), (3, 1.0)], vec![], vec![(9, 0.0)]]);
        assert_eq!((hits.rows().len(), hits.rows().collect::<Vec<_>>()), (3, seen));
    }
}

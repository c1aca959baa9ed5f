//! Filters that stay on the device between searches.

use super::filter::IdFilter;
use super::list::Ids;
use super::query_filter::QueryFilter;
use crate::call::{EachFilter, Filter, SharedFilter};
use crate::error::{Error, Result};
use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A filter that lies on the device, ready for any number of searches of its index; clones share it.
///
/// Made by [`Search::prepare_filter`](crate::Search::prepare_filter) of one filter for all queries, or by
/// [`Search::prepare_query_filter`](crate::Search::prepare_query_filter) of one for each, and given to searches in
/// [`SearchParams::prepared`](crate::SearchParams::prepared). The answers are those of the same filter unprepared, to the bit.
///
/// It follows its index: the first search behind a change of the index prepares it anew, once, while others that
/// need it wait. A filter of all queries is prepared again behind every change, one for each query only behind those that
/// add rows or close up what was removed. Another index refuses it, also one of the same rows.
///
/// Cost: to prepare, what one search with the filter takes beside its search. Device memory, counted in
/// [`Gpu::memory`](crate::Gpu::memory) under "prepared filter" until the last clone is dropped, and not in
/// [`Search::memory`](crate::Search::memory): 4 bytes a row for all queries, a bit a query and row for each, rounded up to 256
/// bytes a query. The filter itself stays in host memory. A search then uploads nothing of it and evaluates nothing; only queries
/// that run a second time have their bitmaps copied on the device. A submission takes queries whose bitmaps lie in one binding.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, IdFilter, Index, Metric, Search, SearchParams};
/// let gpu = Gpu::new()?;
/// let index = Flat::new(&gpu, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0])?;
/// let odd = index.prepare_filter(IdFilter::from_fn(|id| id % 2 == 1))?;
/// let params = SearchParams::new().prepared(&odd);
/// for query in [[0.0, 0.0], [1.0, 0.0]] {
///     let hits = index.search_with(nearfield::Rows::F32(&query), 1, &params)?;
///     assert_eq!(hits.ids(), [1]);
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone)]
pub struct PreparedFilter {
    inner: Arc<Inner>,
    /// Of one for each query, those that this handle is for.
    part: Option<Range<usize>>,
}

struct Inner {
    filter: Prepare,
    /// Whose it is.
    index: Weak<()>,
    kept: Mutex<Option<Kept>>,
}

/// What is prepared.
pub(in crate::index) enum Prepare {
    Shared(IdFilter),
    Each(QueryFilter),
}

/// What lies on the device, and for which rows.
struct Kept {
    snapshot: Weak<dyn Any + Send + Sync>,
    ids: Ids,
    filter: Filter,
}

/// The snapshot of an index that is searched.
pub(in crate::index) struct Now<'a> {
    /// The same for all snapshots of an index.
    pub index: &'a Arc<()>,
    pub snapshot: Weak<dyn Any + Send + Sync>,
    pub ids: &'a Ids,
}

impl PreparedFilter {
    /// Prepares it for the rows as they are; `make` brings a filter to the device.
    pub(in crate::index) fn new(
        filter: Prepare,
        now: &Now<'_>,
        make: impl FnOnce(&Prepare) -> Result<Filter>,
    ) -> Result<PreparedFilter> {
        let part = match &filter {
            Prepare::Shared(_) => None,
            Prepare::Each(each) => Some(0..each.queries()?),
        };
        let (index, kept) = (Arc::downgrade(now.index), Mutex::new(None));
        let prepared = PreparedFilter { inner: Arc::new(Inner { filter, index, kept }), part };
        prepared.inner.on(now, make)?;
        Ok(prepared)
    }

    /// The queries that it is for; `None` where all queries share one filter.
    pub fn queries(&self) -> Option<usize> {
        self.part.as_ref().map(Range::len)
    }

    /// Of a filter for each query, those of some queries alone, for a search of these: they share the memory.
    ///
    /// # Errors
    /// `InvalidArgument` for queries that there are not, and for a filter that all queries share.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Flat, Gpu, Index, Metric, QueryFilter, Rows, Search, SearchParams};
    /// # let gpu = Gpu::new()?;
    /// # let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// # index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0])?;
    /// # let queries = vec![0.0; 2000];
    /// let each: QueryFilter = (0..1000).map(|query| query % 3..).collect();
    /// let each = index.prepare_query_filter(each)?;
    /// for start in (0..1000).step_by(100) {
    ///     let params = SearchParams::new().prepared(&each.part(start..start + 100)?);
    ///     let hits = index.search_with(Rows::F32(&queries[start * 2..][..200]), 1, &params)?;
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn part(&self, queries: Range<usize>) -> Result<PreparedFilter> {
        let all = self.part.clone().ok_or_else(|| {
            Error::argument("queries", "all queries share this filter, which has no parts")
        })?;
        if queries.start > queries.end || queries.end > all.len() {
            let reason = format!("{queries:?} of the filters of {} queries", all.len());
            return Err(Error::argument("queries", reason));
        }
        let part = Some(all.start + queries.start..all.start + queries.end);
        Ok(PreparedFilter { inner: Arc::clone(&self.inner), part })
    }

    /// Bytes of device memory that it holds now, with all its parts and clones.
    pub fn memory(&self) -> u64 {
        let kept = self.inner.lock();
        let Some(Kept { filter: Filter { shared, each }, .. }) = &*kept else { return 0 };
        let buffers = match (shared, each) {
            (Some(SharedFilter::Biases(biases)), _) => biases,
            (_, Some(EachFilter::Bitmaps(all))) => &all.buffers,
            _ => return 0,
        };
        buffers.iter().map(|buffer| buffer.size()).sum()
    }

    /// The filter of a call on these rows, made anew by `make` where there were others; whether all queries share it.
    pub(in crate::index) fn on(
        &self,
        now: &Now<'_>,
        queries: impl FnOnce() -> Result<usize>,
        make: impl FnOnce(&Prepare) -> Result<Filter>,
    ) -> Result<Filter> {
        if !std::ptr::addr_eq(Weak::as_ptr(&self.inner.index), Arc::as_ptr(now.index)) {
            return Err(Error::argument("prepared", "it was prepared by another index"));
        }
        if self.part.is_some() {
            self.check(queries()?)?;
        }
        let mut filter = self.inner.on(now, make)?;
        if let (Some(part), Some(EachFilter::Bitmaps(all))) = (&self.part, &mut filter.each) {
            *all = all.part(part.clone());
        }
        Ok(filter)
    }

    /// Refuses what is not for so many queries.
    pub(in crate::index) fn check(&self, queries: usize) -> Result<()> {
        match &self.part {
            Some(part) if part.len() != queries => {
                let reason = format!("filters of {} queries for {queries} queries", part.len());
                Err(Error::argument("prepared", reason))
            }
            _ => Ok(()),
        }
    }

    /// What of it is for some of the queries that it is for.
    pub(in crate::index) fn of_queries(&self, queries: &Range<usize>) -> Result<PreparedFilter> {
        if self.is_shared() { Ok(self.clone()) } else { self.part(queries.clone()) }
    }

    /// Whether all queries share it.
    pub(in crate::index) fn is_shared(&self) -> bool {
        self.part.is_none()
    }
}

impl Inner {
    // what is kept is swapped in whole, so what a panicking thread left behind the lock is sound
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept for these rows, by whoever comes first.
    fn on(&self, now: &Now<'_>, make: impl FnOnce(&Prepare) -> Result<Filter>) -> Result<Filter> {
        let mut kept = self.lock();
        if let Some(kept) = &*kept {
            let same = std::ptr::addr_eq(kept.snapshot.as_ptr(), now.snapshot.as_ptr());
            // a bitmap says which ids pass, wherever the rows are and whatever they hold
            let bitmaps = matches!(self.filter, Prepare::Each(_));
            if same || bitmaps && kept.ids.shared_with(now.ids) {
                return Ok(kept.filter.clone());
            }
        }
        // the old one's memory is there for the new one, but for what searches still use
        *kept = None;
        let filter = make(&self.filter)?;
        let (snapshot, ids) = (Weak::clone(&now.snapshot), now.ids.clone());
        *kept = Some(Kept { snapshot, ids, filter: filter.clone() });
        Ok(filter)
    }
}

impl fmt::Debug for PreparedFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.queries() {
            None => f.write_str("PreparedFilter(for all queries)"),
            Some(queries) => write!(f, "PreparedFilter(for each of {queries} queries)"),
        }
    }
}

//! What a search may be told beside its queries.

use super::ids::{Exclude, IdFilter, PreparedFilter, QueryFilter};
use crate::call::{CancelToken, Options};
use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Called with the share of a call's work that is done, from 0 to 1.
///
/// # Example
/// ```
/// use nearfield::{AddParams, Progress, SearchParams};
/// let bar: Progress = std::sync::Arc::new(|share| eprint!("\r{:3.0} %", 100.0 * share));
/// // one for both; the setters take a closure as it is
/// let (mut adding, mut searching) = (AddParams::new(), SearchParams::new());
/// (adding.progress, searching.progress) = (Some(bar.clone()), Some(bar));
/// ```
pub type Progress = Arc<dyn Fn(f64) + Send + Sync>;

/// What the answer of a search is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guarantee {
    /// What the index promises; of [`Flat`](crate::Flat), [`BinaryFlat`](crate::BinaryFlat) and
    /// [`StreamedFlat`](crate::StreamedFlat): every one of the nearest rows.
    #[default]
    Index,
    /// Every one of the nearest rows, whatever the index promises; an index that cannot do that refuses it.
    Exact,
}

/// What a search asks for each of its queries.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// So many nearest rows, not 0.
    Nearest(usize),
    /// All rows within a radius.
    Within(f32),
}

impl Ask {
    /// With one more neighbour, of whom one may be left out.
    pub fn and_one(self) -> Ask {
        match self {
            // none is refused by whoever searches
            Ask::Nearest(k) if k > 0 => Ask::Nearest(k.saturating_add(1)),
            other => other,
        }
    }

    /// How many neighbours, of a search for so many.
    pub fn k(self) -> Option<usize> {
        match self {
            Ask::Nearest(k) => Some(k),
            Ask::Within(_) => None,
        }
    }
}

/// What a search may be told beside its queries; each field has a setter of the same name.
///
/// Nothing that is set is ignored: what the index or the call has no use for is an
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) that names the field, and so are fields that contradict each
/// other. All indexes have the same fields. A kind that has settings of its own adds one field, an optional struct, which
/// every other kind refuses: so inverted lists, graphs, refinement and quantizers will come, and an index that is built of
/// several of them takes several structs.
///
/// # Example
/// ```
/// use nearfield::{IdFilter, SearchParams};
/// let params = SearchParams::new().filter(IdFilter::range(0..1000)).timed(true);
/// assert!(params.timed && params.query_filter.is_none());
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SearchParams {
    /// The ids that may be found, the same for all queries. Default: all.
    ///
    /// Cost: evaluated on the host in every search, as [`IdFilter`] says; the upload of a bit a row, and 4 bytes of device memory
    /// a row as long as the search runs.
    pub filter: Option<IdFilter>,
    /// The ids that each query may find; where [`filter`](Self::filter) is set too, an id has to pass both. Refused unless it
    /// has a filter for each query and no more. Default: all.
    ///
    /// Cost: a bit a query and row, made on the host and uploaded in every search: 125 MB for 1,000 queries and a million rows.
    pub query_filter: Option<QueryFilter>,
    /// A filter that lies on the device since [`Search::prepare_filter`](crate::Search::prepare_filter) or
    /// [`Search::prepare_query_filter`](crate::Search::prepare_query_filter). It stands beside a filter of the other kind, and an id has
    /// to pass both; beside one of its own kind it is refused, as are one of another index and one that is for more or fewer
    /// queries. Default: none.
    ///
    /// Cost: nothing is evaluated or uploaded, except in the first search after a change of the index: [`PreparedFilter`] says when.
    pub prepared: Option<PreparedFilter>,
    /// An id for each query that it may not find, or, of a search with all rows of the index as queries, each row's own: by
    /// row and not by place, so that equal rows stay and k neighbours are found where there are k others. Stands beside every filter. Refused unless there is an id
    /// for each query, and for [`Exclude::Own`] unless there are as many queries as rows. Default: none.
    ///
    /// Cost: that of k + 1 neighbours, and a pass over the hits on the host; 8 bytes a query.
    pub exclude: Option<Exclude>,
    /// Whether [`SearchStats::times`](crate::SearchStats::times) tells the device time of each stage, where the
    /// adapter has timestamps; costs a little of it. Default: false.
    pub timed: bool,
    /// Whether to compute every exact distance instead of the binned scan's candidates alone. Changes no answer,
    /// only the time it takes; for measurements and tests. Default: false.
    pub exhaustive: bool,
    /// What the answer is held to. Default: what the index promises.
    pub guarantee: Guarantee,
    /// Whether an exact search for k neighbours proves that it missed none. Without it, it answers with the k nearest of the
    /// rows in the k bins that score best, without a certificate that no other bin holds a nearer one; distances and
    /// their order are exact. A row is missed only where another row is so near to it that the rounding of a score decides:
    /// recall is 0.999 or better on rows without near-duplicates, to which the crate's tests hold it. Saves time where many rows are nearly
    /// equal, since queries that cannot be certified are run again otherwise; else a few per cent. Where no score is
    /// rounded there is nothing to prove, and nothing is missed; nor is it under [`Metric::KlDivergence`](crate::Metric::KlDivergence)
    /// where rows are multiplied as logarithms, which is certified all the same. False is refused beside [`Guarantee::Exact`], beside
    /// [`exhaustive`](Self::exhaustive), and by a range search, which certifies every hit. Default: true.
    pub certify: bool,
    /// Called now and then with the share of the work that is done, which grows up to 1: by the thread that waits, or by one
    /// of the library's, as [`Pending`](crate::Pending) says; of a [`StreamedFlat`](crate::StreamedFlat) by one of the call's
    /// own. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) at its next submission. Default: none.
    pub cancel: Option<CancelToken>,
}

impl SearchParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`filter`](Self#structfield.filter).
    ///
    /// # Example
    /// ```
    /// use nearfield::{IdFilter, SearchParams};
    /// let params = SearchParams::new().filter(10..20);
    /// assert_eq!(params.filter, Some(IdFilter::range(10..20)));
    /// ```
    #[must_use]
    pub fn filter(mut self, filter: impl Into<IdFilter>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Sets [`query_filter`](Self#structfield.query_filter).
    ///
    /// # Example
    /// ```
    /// use nearfield::{QueryFilter, SearchParams};
    /// // query 0 may find ids from 0 on, query 1 from 1 on
    /// let each: QueryFilter = (0..2).map(|query| query..).collect();
    /// let params = SearchParams::new().query_filter(each);
    /// assert!(params.query_filter.is_some());
    /// ```
    #[must_use]
    pub fn query_filter(mut self, filter: impl Into<QueryFilter>) -> Self {
        self.query_filter = Some(filter.into());
        self
    }

    /// Sets [`prepared`](Self#structfield.prepared); the filter stays the caller's, for other searches.
    #[must_use]
    pub fn prepared(mut self, filter: &PreparedFilter) -> Self {
        self.prepared = Some(filter.clone());
        self
    }

    /// Sets [`exclude`](Self#structfield.exclude): query i may not find id i of these.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, SearchParams};
    /// # let gpu = Gpu::new()?;
    /// let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 0.0, 0.0])?;
    /// // what is near to row 2, but for itself: row 0, which is equal
    /// let row = index.reconstruct(2)?;
    /// let params = SearchParams::new().exclude(vec![2]);
    /// assert_eq!(index.search_with(Rows::F32(&row), 1, &params)?.ids(), [0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn exclude(mut self, exclude: impl Into<Exclude>) -> Self {
        self.exclude = Some(exclude.into());
        self
    }

    /// Sets [`exclude`](Self#structfield.exclude) to [`Exclude::Own`]: the queries are the rows of the index in their order, and
    /// none finds itself.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, SearchParams};
    /// # let gpu = Gpu::new()?;
    /// let rows = [0.0, 0.0, 3.0, 4.0, 0.0, 1.0];
    /// let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// index.add(&rows)?;
    /// let hits = index.search_with(Rows::F32(&rows), 1, &SearchParams::new().exclude_self())?;
    /// assert_eq!(hits.ids(), [2, 2, 0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn exclude_self(self) -> Self {
        self.exclude(Exclude::Own)
    }

    /// Sets [`timed`](Self#structfield.timed).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// let params = SearchParams::new().timed(true);
    /// let hits = index.search_with(Rows::F32(&[0.0; 20]), 10, &params)?;
    /// for time in &hits.stats().times {
    ///     println!("{}: {} ns", time.stage, time.nanoseconds);
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn timed(mut self, on: bool) -> Self {
        self.timed = on;
        self
    }

    /// Sets [`exhaustive`](Self#structfield.exhaustive).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let queries = [0.0; 20];
    /// let every = SearchParams::new().exhaustive(true);
    /// let one = index.search_with(Rows::F32(&queries), 10, &every)?;
    /// assert_eq!(one.ids(), index.search(&queries, 10)?.ids());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn exhaustive(mut self, on: bool) -> Self {
        self.exhaustive = on;
        self
    }

    /// Sets [`guarantee`](Self#structfield.guarantee).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = index_factory(&Gpu::new()?, 2, "Flat", Metric::L2, DType::F32)?;
    /// // of an index of any kind: exact neighbours, or an error
    /// let params = SearchParams::new().guarantee(Guarantee::Exact);
    /// let hits = index.search_with(Rows::F32(&[0.0, 0.0]), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.guarantee = guarantee;
        self
    }

    /// Sets [`certify`](Self#structfield.certify).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let queries = [0.0; 20];
    /// // many copies of the same rows, and a row that is missed now and then does no harm
    /// let params = SearchParams::new().certify(false);
    /// let hits = index.search_with(Rows::F32(&queries), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn certify(mut self, on: bool) -> Self {
        self.certify = on;
        self
    }

    /// Sets [`progress`](Self#structfield.progress).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let queries = [0.0; 20];
    /// let params = SearchParams::new().progress(|share| eprint!("\r{:3.0} %", 100.0 * share));
    /// let hits = index.search_with(Rows::F32(&queries), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn progress(mut self, call: impl Fn(f64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(call));
        self
    }

    /// Sets [`cancel`](Self#structfield.cancel).
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// How an exact search runs.
    pub(super) fn exact(&self, ask: Ask) -> Result<Options> {
        let why = match ask {
            _ if self.certify => return Ok(self.options()),
            Ask::Within(_) => "false for a range search, which certifies every hit",
            _ if self.guarantee == Guarantee::Exact => "false beside a guarantee of exact answers",
            _ if self.exhaustive => "false where every exact distance is computed",
            Ask::Nearest(_) => return Ok(self.options()),
        };
        Err(Error::argument("certify", why))
    }

    /// How rows are brought to the device and not searched.
    pub(super) fn reading(&self) -> Result<Options> {
        let searching = [
            ("filter", self.filter.is_some()),
            ("query_filter", self.query_filter.is_some()),
            ("prepared", self.prepared.is_some()),
            ("exclude", self.exclude.is_some()),
            ("timed", self.timed),
            ("exhaustive", self.exhaustive),
            ("guarantee", self.guarantee != Guarantee::Index),
            ("certify", !self.certify),
        ];
        match searching.iter().find(|(_, set)| *set) {
            Some((field, _)) => Err(Error::argument(field, "rows are read and not searched")),
            None => Ok(self.options()),
        }
    }

    fn options(&self) -> Options {
        Options {
            timed: self.timed,
            exhaustive: self.exhaustive,
            fast: !self.certify,
            cancel: self.cancel.clone(),
            progress: self.progress.clone().map(rising),
            ..Options::default()
        }
    }
}

/// Tells each share once, and none again that is less.
pub(super) fn rising(progress: Progress) -> Progress {
    // the bits of numbers that are not negative are in their order
    let told = AtomicU64::new(0);
    Arc::new(move |share: f64| {
        if told.fetch_max(share.to_bits(), Ordering::Relaxed) < share.to_bits() {
            progress(share);
        }
    })
}

impl Default for SearchParams {
    fn default() -> Self {
        SearchParams {
            filter: None,
            query_filter: None,
            prepared: None,
            exclude: None,
            timed: false,
            exhaustive: false,
            guarantee: Guarantee::Index,
            certify: true,
            progress: None,
            cancel: None,
        }
    }
}

impl fmt::Debug for SearchParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchParams")
            .field("filter", &self.filter)
            .field("query_filter", &self.query_filter)
            .field("prepared", &self.prepared)
            .field("exclude", &self.exclude)
            .field("timed", &self.timed)
            .field("exhaustive", &self.exhaustive)
            .field("guarantee", &self.guarantee)
            .field("certify", &self.certify)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

//! What a search may be told beside its queries, whatever kind of index it is of.

use super::ask::{Guarantee, Progress};
use super::graph::GraphParams;
use super::ivf::IvfParams;
use super::refine::RefineParams;
use crate::call::{CancelToken, NextStage};
use crate::index::ids::{Exclude, IdFilter, PreparedFilter, QueryFilter};
use std::fmt;
use std::sync::Arc;

/// What a search may be told beside its queries; each field has a setter of the same name.
///
/// Nothing that is set is ignored: what the index or the call has no use for is an
/// [`Error::InvalidArgument`](crate::Error::InvalidArgument) that names the field, and so are fields that contradict each
/// other. All indexes have the same fields. A kind that has settings of its own adds one field, an optional struct, which
/// every other kind refuses: inverted lists have [`ivf`](Self::ivf), graphs have [`graph`](Self::graph), re-scoring has [`refine`](Self::refine), and an index
/// that is built of several of them takes several structs.
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
    /// where rows are multiplied as logarithms or read as codes of [`Originals`](crate::Originals), which is certified all the same. False is refused beside [`Guarantee::Exact`], beside
    /// [`exhaustive`](Self::exhaustive), and by a range search, which certifies every hit. Default: true.
    pub certify: bool,
    /// What inverted lists may be told, as of an [`IvfFlat`](crate::IvfFlat); every other kind of index refuses it. Default: what the
    /// index has of its own.
    pub ivf: Option<IvfParams>,
    /// What a [`Graph`](crate::Graph) or an [`Hnsw`](crate::Hnsw) may be told; every other kind of index refuses it. Default: what the index has of
    /// its own.
    pub graph: Option<GraphParams>,
    /// What a [`Refine`](crate::Refine) may be told; every other kind of index refuses it. Default: what the index has of its own.
    pub refine: Option<RefineParams>,
    /// In how many bits a [`RaBitQ`](crate::RaBitQ) and an [`IvfRaBitQ`](crate::IvfRaBitQ) read queries: 1 to 8, or 0 for f32. FAISS's `qb` of
    /// `RaBitQSearchParameters`; every other kind of index refuses it. Default: the index's own
    /// ([`IvfRaBitQ::set_query_bits`](crate::IvfRaBitQ::set_query_bits)).
    pub query_bits: Option<u32>,
    /// Called now and then with the share of the work that is done, which grows up to 1: by the thread that waits, or by one
    /// of the library's, as [`Pending`](crate::Pending) says; of a [`StreamedFlat`](crate::StreamedFlat), of a [`Refine`](crate::Refine) whose candidates come to the host, and of an
    /// [`IvfSq`](crate::IvfSq) or [`IvfRaBitQ`](crate::IvfRaBitQ) whose rows lie beside its codes, by one of the call's own. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) at its next submission. Default: none.
    pub cancel: Option<CancelToken>,
    /// What goes on from the rows of a search for neighbours, if the index that is searched is a first stage.
    pub(in crate::index) next: Option<Arc<dyn NextStage>>,
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
    /// // of an index of any kind: exact neighbours (of codes alone by what they stand for), or an error
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

    /// Sets [`ivf`](Self#structfield.ivf).
    ///
    /// # Example
    /// ```
    /// use nearfield::{IvfParams, SearchParams};
    /// let params = SearchParams::new().ivf(IvfParams::new().nprobe(32));
    /// assert_eq!(params.ivf.and_then(|ivf| ivf.nprobe), Some(32));
    /// ```
    #[must_use]
    pub fn ivf(mut self, params: IvfParams) -> Self {
        self.ivf = Some(params);
        self
    }

    /// Sets [`graph`](Self#structfield.graph).
    ///
    /// # Example
    /// ```
    /// use nearfield::{GraphParams, SearchParams};
    /// let params = SearchParams::new().graph(GraphParams::new().ef(128));
    /// assert_eq!(params.graph.and_then(|graph| graph.ef), Some(128));
    /// ```
    #[must_use]
    pub fn graph(mut self, params: GraphParams) -> Self {
        self.graph = Some(params);
        self
    }

    /// Sets [`refine`](Self#structfield.refine).
    ///
    /// # Example
    /// ```
    /// use nearfield::{RefineParams, SearchParams};
    /// let params = SearchParams::new().refine(RefineParams::new().k_factor(4.0));
    /// assert_eq!(params.refine.and_then(|refine| refine.k_factor), Some(4.0));
    /// ```
    #[must_use]
    pub fn refine(mut self, params: RefineParams) -> Self {
        self.refine = Some(params);
        self
    }

    /// Sets [`query_bits`](Self#structfield.query_bits).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfRaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// // as FAISS would find them by default
    /// let params = SearchParams::new().query_bits(4);
    /// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn query_bits(mut self, bits: u32) -> Self {
        self.query_bits = Some(bits);
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
            ivf: None,
            graph: None,
            refine: None,
            query_bits: None,
            progress: None,
            cancel: None,
            next: None,
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
            .field("ivf", &self.ivf)
            .field("graph", &self.graph)
            .field("refine", &self.refine)
            .field("query_bits", &self.query_bits)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

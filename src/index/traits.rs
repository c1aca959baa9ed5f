//! What every index can do: answer.

use super::hits::{Hits, RangeHits};
use super::ids::{IdFilter, PreparedFilter, QueryFilter};
use super::params::{Breadth, SearchParams};
use super::stream::HitStream;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use std::fmt;

/// What can be searched: the reading side of every index, and all that one has whose rows do not change.
///
/// [`Flat`](crate::Flat), [`BinaryFlat`](crate::BinaryFlat), [`IvfFlat`](crate::IvfFlat) and [`StreamedFlat`](crate::StreamedFlat)
/// have it, and so has every [`Index`](crate::Index): a `&dyn Index` is a `&dyn Search` wherever one is wanted. All methods take `&self`, threads may call any of
/// them at the same time, and each search answers from one state of the rows, that of its beginning.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, Search, StreamedFlat};
/// fn nearest(rows: &dyn Search, query: &[f32]) -> nearfield::Result<Option<u64>> {
///     Ok(rows.search(query, 1)?.ids().first().copied())
/// }
/// let (gpu, rows) = (Gpu::new()?, vec![0.0, 0.0, 3.0, 4.0]);
/// let resident = Flat::new(&gpu, 2, Metric::L2)?;
/// resident.add(&rows)?;
/// let streamed = StreamedFlat::from_f32(&gpu, rows, 2, Metric::L2)?;
/// assert_eq!(nearest(&resident, &[3.0, 3.0])?, Some(1));
/// assert_eq!(nearest(&streamed, &[3.0, 3.0])?, Some(1));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub trait Search: Send + Sync + fmt::Debug {
    /// Elements a row; of bits, bits.
    #[doc(alias("d", "dimension", "dimensions"))]
    fn dim(&self) -> usize;

    /// How near two rows are, and what distances are. Of an [`Lsh`](crate::Lsh), whose rows are f32, these are counts of bits: [`Metric::Hamming`].
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// use nearfield::Order;
    /// let larger_is_nearer = index.metric().order() == Order::Descending;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn metric(&self) -> &Metric;

    /// The type of the elements.
    fn dtype(&self) -> DType;

    /// Rows that a search can find; those that were removed do not count.
    #[doc(alias("ntotal", "size", "count"))]
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What [`index_factory`](crate::index_factory) makes such an index of, without rows: `Flat`, `IVF4096,Flat`. Of a
    /// [`StreamedFlat`](crate::StreamedFlat) that of the index in device memory with the same answers.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let gpu = Gpu::new()?;
    /// # let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// let empty = index_factory(&gpu, 2, &index.description(), Metric::L2, index.dtype())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn description(&self) -> String;

    /// Whether rows can be added and searched for: of a kind that learns not before it was [trained](crate::Index::train).
    fn is_trained(&self) -> bool {
        true
    }

    /// By which number searches look at more of the rows and find more of the nearest; `None` of an index that looks at all of them.
    fn breadth(&self) -> Option<Breadth> {
        None
    }

    /// The `n` lists that are nearest to each query, or all where there are fewer, the nearest first: as ids their numbers, from 0 on, as
    /// distances those of their centroids. A search looks at the first [`nprobe`](crate::IvfParams#structfield.nprobe) of them. Blocks.
    ///
    /// # Errors
    /// `Unsupported` of an index without lists; `InvalidArgument` for an `n` of 0; `NotTrained`; as [`submit`](Self::submit).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = read_index(&Gpu::new()?, "lists.nf")?;
    /// assert!(index.is_trained());
    /// let lists = index.assign(Rows::F32(&[0.5; 128]), 3)?;
    /// println!("the nearest lists are {:?}", lists.ids());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("quantizer"))]
    fn assign(&self, _queries: Rows<'_>, _n: usize) -> Result<Hits> {
        Err(no_lists(&self.description()))
    }

    /// The `k` nearest rows of each f32 query. A slice of `n * dim` numbers is n queries, and there are hits for each, also where one
    /// longer query was meant.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0])?;
    /// // two queries, two neighbours of each
    /// let hits = index.search(&[0.0, 0.0, 3.0, 3.0], 2)?;
    /// assert_eq!(hits.ids(), [0, 2, 1, 2]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("knn", "knn_query", "kneighbors", "query"))]
    fn search(&self, queries: &[f32], k: usize) -> Result<Hits> {
        self.search_with(Rows::F32(queries), k, &SearchParams::default())
    }

    /// The `k` nearest rows of each query; as [`submit`](Self::submit), but blocks.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::with_dtype(&Gpu::new()?, 2, Metric::L2, DType::U8)?;
    /// index.add_rows(Rows::U8(&[0, 0, 3, 4, 1, 0]))?;
    /// // queries of the rows' own type, and a filter
    /// let params = SearchParams::new().filter(1..);
    /// let hits = index.search_with(Rows::U8(&[0, 0]), 1, &params)?;
    /// assert_eq!(hits.ids(), [2]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn search_with(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Hits> {
        self.submit(queries, k, params)?.wait()
    }

    /// Starts a search for the `k` nearest rows of each query; `k` may be larger than the index.
    ///
    /// When it returns, the queries are checked and copied, so that their memory is free again, and the search runs: its first
    /// submissions are on the device, and the others follow without anybody's doing. Queries that the certificate turns out not to
    /// cover are run again, exactly; where all others were done by then, that begins when somebody waits or polls. [`Pending`] says
    /// what runs where.
    ///
    /// Queries may be of another type than the rows, and are then compared in f32; bits must meet bits.
    ///
    /// # Errors
    /// At once or when awaited: `InvalidArgument` for a `k` of 0, for a filter that does not fit the queries, and for
    /// parameters that the index or the call has no use for ([`SearchParams`]); `PartialRow` for queries that end in the middle of
    /// one; `NonFinite` and `InvalidValue` for what the metric refuses, counted in the queries; `Unsupported` where bits meet others;
    /// `OutOfDeviceMemory`; `Cancelled`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Hits, Rows, Search, SearchParams};
    /// async fn nearest(index: &dyn Search, query: &[f32]) -> nearfield::Result<Hits> {
    ///     let pending = index.submit(Rows::F32(query), 10, &SearchParams::new())?;
    ///     // the device is at work; the query's memory is free again
    ///     pending.await
    /// }
    /// ```
    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>>;

    /// The `k` nearest rows of each query, and beside the hits their rows as f32, in the order of [`Hits::ids`]; of bits, a 0 or 1 for
    /// each. Both are of one state of the index, whatever changes meanwhile. Blocks.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); `Unsupported` of a [`StreamedFlat`](crate::StreamedFlat).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0])?;
    /// let query = Rows::F32(&[3.0, 3.0]);
    /// let (hits, rows) = index.search_and_reconstruct(query, 1, &SearchParams::new())?;
    /// assert_eq!((hits.ids(), &rows[..]), (&[1][..], &[3.0, 4.0][..]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn search_and_reconstruct(
        &self,
        _queries: Rows<'_>,
        _k: usize,
        _params: &SearchParams,
    ) -> Result<(Hits, Vec<f32>)> {
        Err(Error::unsupported(self.description(), "hits with their rows, which stay on the host"))
    }

    /// All rows within a radius of each f32 query: distances below it, similarities above it.
    ///
    /// # Errors
    /// As [`submit_range`](Self::submit_range).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0])?;
    /// // of L2, whose distances are squared: all rows nearer than 5.1
    /// let hits = index.range_search(&[0.0, 0.0], 5.1 * 5.1)?;
    /// assert_eq!(hits.row(0).collect::<Vec<_>>(), [(0, 0.0), (1, 25.0)]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("radius_neighbors", "radius_search"))]
    fn range_search(&self, queries: &[f32], radius: f32) -> Result<RangeHits> {
        self.range_search_with(Rows::F32(queries), radius, &SearchParams::default())
    }

    /// All rows within a radius of each query; as [`submit_range`](Self::submit_range), but blocks.
    ///
    /// # Errors
    /// As [`submit_range`](Self::submit_range).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let queries = [0.0; 20];
    /// // of each query what is near, but for what was found to be wrong
    /// let params = SearchParams::new().filter(!IdFilter::batch([17, 4]));
    /// let hits = index.range_search_with(Rows::F32(&queries), 0.25, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn range_search_with(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<RangeHits> {
        self.submit_range(queries, radius, params)?.wait()
    }

    /// Starts a search for all rows within a radius of each query: distances below it, similarities above it. For
    /// [`Metric::L2`] the radius is a squared distance. An infinite radius finds every row that a search can find, or none.
    ///
    /// Cost: about that of a search for as many neighbours as there are hits, and 12 bytes of host memory a hit. Where many ask at once, a query
    /// with hits in more than 512 bins of 64 rows is scanned a second time. Every exact distance is computed of a query with hits in more than
    /// 3,072 bins or a quarter of all; of all queries where the rows are so few that a search for neighbours does so, too, and under
    /// [`Metric::Gower`], Lp of other than whole p up to 6, and metrics in WGSL.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); `InvalidArgument` for a radius that is not a number.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let (near, far) = ([0.0; 20], [9.0; 20]);
    /// // two calls at once
    /// let near = index.submit_range(Rows::F32(&near), 0.25, &SearchParams::new())?;
    /// let far = index.submit_range(Rows::F32(&far), 0.25, &SearchParams::new())?;
    /// println!("{} and {} hits", near.wait()?.ids().len(), far.wait()?.ids().len());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>>;

    /// Brings a filter for all queries to the device, where it serves any number of searches of this index at no cost but its
    /// own ([`SearchParams::prepared`](SearchParams#structfield.prepared)), also while the index changes: [`PreparedFilter`] says how.
    ///
    /// Cost: evaluates the filter on the host, as a search with it does; device memory of 4 bytes a row.
    ///
    /// # Errors
    /// `OutOfDeviceMemory`; `DeviceLost`; `Unsupported` of a [`StreamedFlat`](crate::StreamedFlat), whose rows come to the
    /// device anew with every search.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// # let batches = [[0.0; 20], [1.0; 20]];
    /// let allowed = index.prepare_filter(IdFilter::batch([3, 5, 8]))?;
    /// let params = SearchParams::new().prepared(&allowed);
    /// for queries in &batches {
    ///     let hits = index.search_with(Rows::F32(queries), 10, &params)?;
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn prepare_filter(&self, filter: IdFilter) -> Result<PreparedFilter>;

    /// Brings a filter for each query to the device, for searches of as many queries, or of a
    /// [`part`](PreparedFilter::part) of them.
    ///
    /// Cost: as a search with the filter takes on the host and to upload it; device memory of a bit a query and row, rounded
    /// up to 256 bytes a query: 125 MB for 1,000 queries and a million rows.
    ///
    /// # Errors
    /// As [`prepare_filter`](Self::prepare_filter); `InvalidArgument` for words that are no whole bitmaps; `LimitExceeded`
    /// where one binding does not hold the bitmap of one query.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Flat, Gpu, Index, Metric, QueryFilter, Rows, Search, SearchParams};
    /// let gpu = Gpu::new()?;
    /// let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0])?;
    /// // query 0 may find ids 0 and 1, query 1 ids 1 and 2
    /// let each: QueryFilter = (0..2).map(|query| query..query + 2).collect();
    /// let each = index.prepare_query_filter(each)?;
    /// let queries = Rows::F32(&[1.0, 0.0, 1.0, 0.0]);
    /// let hits = index.search_with(queries, 1, &SearchParams::new().prepared(&each))?;
    /// assert_eq!(hits.ids(), [0, 2]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn prepare_query_filter(&self, filter: QueryFilter) -> Result<PreparedFilter>;

    /// Starts a search for the `k` nearest rows of each query whose answers come as a stream, `block` queries at a time, so
    /// that the hits of all need not fit in memory together, and whoever waits may do other things, or give up.
    /// [`HitStream`] says what runs when.
    ///
    /// The answers are those of one [`submit`](Self::submit), to the bit.
    ///
    /// Cost: each block is a search of its own, which reads all rows: some thousands of queries a block lose no time, of a
    /// [`StreamedFlat`](crate::StreamedFlat) as many as there is memory for. A filter that is not prepared is evaluated for each block.
    ///
    /// # Errors
    /// At once, for all queries: as [`submit`](Self::submit), and `InvalidArgument` for a `block` of 0. What ends a search later comes as
    /// the last item.
    ///
    /// # Example
    /// ```no_run
    /// use futures::TryStreamExt;
    /// use nearfield::{Rows, Search, SearchParams};
    /// async fn print(index: &dyn Search, queries: &[f32]) -> nearfield::Result<()> {
    ///     let mut blocks = index.search_stream(Rows::F32(queries), 10, 1000, &SearchParams::new())?;
    ///     while let Some((queries, hits)) = blocks.try_next().await? {
    ///         println!("queries {queries:?}: {:?}", hits.ids());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    fn search_stream(
        &self,
        queries: Rows<'_>,
        k: usize,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream>;

    /// Starts a search for all rows within a radius of each query, as [`submit_range`](Self::submit_range) does, whose answers
    /// come as those of [`search_stream`](Self::search_stream): a range search may find any number of hits, and so their memory is
    /// bounded by what one block finds.
    ///
    /// # Errors
    /// As [`search_stream`](Self::search_stream) and [`submit_range`](Self::submit_range).
    ///
    /// # Example
    /// ```no_run
    /// use futures::TryStreamExt;
    /// use nearfield::{Rows, Search, SearchParams};
    /// /// How many pairs of rows are nearer than `radius`, whatever memory they would take.
    /// async fn pairs(index: &dyn Search, rows: &[f32], radius: f32) -> nearfield::Result<usize> {
    ///     let params = SearchParams::new().exclude_self();
    ///     let blocks = index.range_stream(Rows::F32(rows), radius, 1000, &params)?;
    ///     let both_ways = blocks.try_fold(0, async |sum, (_, hits)| Ok(sum + hits.ids().len()));
    ///     Ok(both_ways.await? / 2)
    /// }
    /// ```
    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream>;

    /// Bytes of device memory that the index holds between searches, free room for more rows included; what is prepared tells
    /// its own ([`PreparedFilter::memory`]).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// println!("{} MiB on the device for {} rows", index.memory() >> 20, index.len());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn memory(&self) -> u64;
}

/// What is said of an index that has no lists.
pub(super) fn no_lists(description: &str) -> Error {
    Error::unsupported(description, "lists: queries are assigned to those of an IVF index")
}

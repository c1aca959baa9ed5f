//! Exact search over rows that stay on the host.

use super::rows;
use crate::call::{Pending, SearchStats};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{ChunkFilter, Dataset, Stream, query_count};
use crate::format::{HostRows, RowStore};
use crate::index::hits::{Hits, RangeHits};
use crate::index::ids::{self, IdFilter, Ids, PreparedFilter, QueryFilter, leave_out};
use crate::index::params::{Ask, SearchParams};
use crate::index::stream::{HitStream, Start};
use crate::index::traits::Search;
use crate::metric::Metric;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Exact search over more rows than the device holds: they stay in host memory or in a mapped file, and every search
/// brings them to the device chunk by chunk. The answers are those of a [`Flat`](crate::Flat) or
/// [`BinaryFlat`](crate::BinaryFlat) of the same rows, to the bit; ids are row numbers.
///
/// From [`StreamedFlat::new`] of a [`RowFile`](crate::format::RowFile), of [`HostRows`] or of a [`RowStore`] of one's own,
/// or [`StreamedFlat::from_f32`]. The rows are not copied, and must not change while a search runs.
///
/// Cost: a search reads all rows once from the host, however many queries it has, so ask many at once. While one chunk is
/// searched the next ones are checked and copied to the device, on all cores. Three chunks are on the device at a time: they
/// take six tenths of what is left of its memory, or less where chunks of 512 MiB do. Rows that a filter leaves out by
/// whole chunks are not read.
///
/// # Errors
/// What is wrong with queries or parameters is found at once; what is wrong with the rows while they are read, in row
/// order: `NonFinite` and `InvalidValue` with the row's number, and what the store returns.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Metric, Search, StreamedFlat, format};
/// let gpu = Gpu::builder().memory_budget(4 << 30).build()?;
/// let index = StreamedFlat::new(&gpu, format::open("base.fbin", None)?, Metric::L2)?;
/// let queries = vec![0.5; 1000 * index.dim()];
/// let hits = index.search(&queries, 10)?;
/// println!("{} chunks, {} bytes", hits.stats().stream.chunks, hits.stats().stream.bytes);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub struct StreamedFlat {
    stream: Stream,
}

impl StreamedFlat {
    /// Over the rows of a store.
    ///
    /// Cost: reads no row.
    ///
    /// # Errors
    /// `Unsupported` for a metric that does not compare such elements; `InvalidArgument` for a dimension that it does not
    /// have; `Shader` for a custom metric that does not compile; `LimitExceeded` for 2^32 rows or more and when 64 rows are
    /// more than the adapter binds; what the store returns.
    pub fn new(gpu: &Gpu, store: impl RowStore + 'static, metric: Metric) -> Result<StreamedFlat> {
        let (rows, limit) = (store.row_count(), u64::from(u32::MAX));
        if rows > limit {
            let what = "rows of an index".to_owned();
            return Err(Error::LimitExceeded { what, needed: rows, limit });
        }
        let none = store.stream(0..0)?;
        let empty = Dataset::new(gpu, &metric, none.dtype(), none.dim())?;
        drop(none);
        let store = Arc::new(store);
        Ok(StreamedFlat { stream: Stream { empty, store, rows, chunk_rows: None } })
    }

    /// Over f32 rows in host memory, row-major: a `Vec<f32>`, a `Box<[f32]>`, an `Arc<[f32]>`.
    ///
    /// # Errors
    /// As [`StreamedFlat::new`]; `PartialRow` when the length is no multiple of `dim`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Metric, Search, StreamedFlat};
    /// let rows: std::sync::Arc<[f32]> = vec![0.5; 384 << 20].into(); // 1.5 GiB, used elsewhere as well
    /// let index = StreamedFlat::from_f32(&Gpu::new()?, rows.clone(), 384, Metric::Cosine)?;
    /// let hits = index.search(&[0.5; 384], 10)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_f32(
        gpu: &Gpu,
        rows: impl AsRef<[f32]> + Send + Sync + 'static,
        dim: usize,
        metric: Metric,
    ) -> Result<StreamedFlat> {
        StreamedFlat::new(gpu, HostRows::f32(rows, dim)?, metric)
    }

    /// With so many rows a chunk, rounded up to 64 and down to what one binding holds. Changes no answer, only the memory
    /// and the time that a search takes; without it both follow from the device memory that is left.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Metric, StreamedFlat, format};
    /// // leaves memory for other indexes of the same Gpu
    /// let file = format::open("base.fbin", None)?;
    /// let index = StreamedFlat::new(&Gpu::new()?, file, Metric::L2)?.with_chunk_rows(100_000);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn with_chunk_rows(mut self, rows: usize) -> StreamedFlat {
        self.stream.chunk_rows = Some(rows.max(1) as u64);
        self
    }

    /// Device memory that a [`Flat`](crate::Flat) of these rows would hold, but for the f16 copy, which it leaves out where
    /// there is no room.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let gpu = Gpu::new()?;
    /// let streamed = StreamedFlat::new(&gpu, format::open("base.fbin", None)?, Metric::L2)?;
    /// let memory = gpu.memory();
    /// let fits = streamed.resident_bytes() < memory.budget - memory.in_use;
    /// println!("a Flat {}", if fits { "is faster" } else { "has no room" });
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn resident_bytes(&self) -> u64 {
        // without the copy nothing can fail
        self.stream.empty.bytes_of(self.stream.rows, false).unwrap_or(u64::MAX)
    }

    /// Brings all rows to the device once, as a search does, and searches nothing: whether the metric takes every row, and
    /// what their way takes on this machine.
    ///
    /// # Errors
    /// As [`submit`](Search::submit) when awaited; `InvalidArgument` for parameters of a search, all but
    /// [`progress`](SearchParams::progress) and [`cancel`](SearchParams::cancel).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let streamed = StreamedFlat::new(&Gpu::new()?, format::open("base.fbin", None)?, Metric::L2)?;
    /// let start = std::time::Instant::now();
    /// let read = streamed.read_through(&SearchParams::new())?.stream;
    /// let gb = read.bytes as f64 / 1e9;
    /// println!("{:.1} GB/s, which no search is above", gb / start.elapsed().as_secs_f64());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read_through(&self, params: &SearchParams) -> Result<SearchStats> {
        Ok(self.stream.read_through(params.reading()?)?.wait()?.stats)
    }

    /// What the parameters filter in a chunk, as a bit a row; held against the queries once before.
    fn filter(&self, queries: Rows<'_>, params: &SearchParams) -> Result<ChunkFilter> {
        let count = query_count(queries, self.dtype(), self.dim())?;
        if params.prepared.is_some() {
            return Err(Error::argument("prepared", "a StreamedFlat has no filters on the device"));
        }
        let (all, each) = (params.filter.clone(), params.query_filter.clone());
        let filter = move |rows: Range<u64>| {
            let ids = Ids::default().with_run(rows.start, (rows.end - rows.start) as usize);
            ids::of_rows(all.as_ref(), each.as_ref(), &ids, || Ok(count))
        };
        filter(0..0)?;
        Ok(Box::new(filter))
    }

    /// The ids that the queries may not find.
    fn excluded(&self, queries: Rows<'_>, params: &SearchParams) -> Result<Option<Vec<u64>>> {
        let Some(exclude) = &params.exclude else { return Ok(None) };
        let count = query_count(queries, self.dtype(), self.dim())?;
        exclude.ids(count, self.len(), || (0..self.stream.rows).collect()).map(Some)
    }

    /// One block at a time, since each reads all rows.
    fn in_blocks(
        &self,
        queries: Rows<'_>,
        block: usize,
        params: &SearchParams,
        start: Box<Start>,
    ) -> Result<HitStream> {
        let what = (self.metric(), self.dtype(), self.dim());
        let excluded = self.excluded(queries, params)?;
        HitStream::new(what, queries, (block, 1), params, excluded, start)
    }

    fn submit_ask(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        params: &SearchParams,
    ) -> Result<Pending<Hits>> {
        let excluded = self.excluded(queries, params)?;
        let asked = if excluded.is_some() { ask.and_one() } else { ask };
        let (filter, options) = (self.filter(queries, params)?, params.exact(ask)?);
        let found = match asked {
            Ask::Nearest(k) => self.stream.nearest(queries, k, filter, options)?,
            Ask::Within(radius) => self.stream.within(queries, radius, filter, options)?,
        };
        let order = self.metric().order();
        Ok(found.map(move |mut found| {
            if let Some(excluded) = excluded {
                leave_out(&mut found, &excluded, ask.k());
            }
            Ok(Hits::new(found.lims, found.ids, found.distances, order, found.stats))
        }))
    }
}

impl Search for StreamedFlat {
    fn dim(&self) -> usize {
        self.stream.empty.rows().dim()
    }

    fn metric(&self) -> &Metric {
        self.stream.empty.metric()
    }

    fn dtype(&self) -> DType {
        self.stream.empty.rows().dtype()
    }

    fn len(&self) -> usize {
        self.stream.rows as usize
    }

    /// That of the index in device memory whose answers these are.
    fn description(&self) -> String {
        rows::description(self.dtype()).to_owned()
    }

    /// Starts a search for the `k` nearest rows of each query, on a thread of its own; `k` may be larger than the index.
    /// Dropping what it returns ends that thread at its next step.
    ///
    /// Cost: besides what [`StreamedFlat`] says, host memory for the queries and 20 bytes a hit; of filters by query a bit
    /// a query and row of every chunk on its way.
    ///
    /// # Errors
    /// At once: `InvalidArgument` for a `k` of 0, for a filter that does not fit the queries, and for parameters that the
    /// call has no use for; `PartialRow`, `NonFinite` and `InvalidValue` of the queries; `Unsupported` where bits meet others. When awaited: `NonFinite` and
    /// `InvalidValue` of the rows, by row number; what the store returns; `OutOfDeviceMemory`; `Cancelled`; `DeviceLost`.
    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>> {
        self.submit_ask(queries, Ask::Nearest(k), params)
    }

    /// Starts a search for all rows within a radius of each query: distances below it, similarities above it. For
    /// [`Metric::L2`] the radius is a squared distance. An infinite radius finds every row that a search can find, or none.
    ///
    /// Cost: as [`submit`](Self::submit), and of each chunk what an index of its rows takes
    /// ([`Search::submit_range`]).
    ///
    /// # Errors
    /// As [`submit`](Self::submit); `InvalidArgument` for a radius that is not a number.
    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>> {
        self.submit_ask(queries, Ask::Within(radius), params)
    }

    /// Refused: what a filter leaves of a chunk comes to the device with the chunk, in every search anew.
    fn prepare_filter(&self, _filter: IdFilter) -> Result<PreparedFilter> {
        Err(unprepared())
    }

    /// Refused, as [`prepare_filter`](Self::prepare_filter).
    fn prepare_query_filter(&self, _filter: QueryFilter) -> Result<PreparedFilter> {
        Err(unprepared())
    }

    fn search_stream(
        &self,
        queries: Rows<'_>,
        k: usize,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        let rows = StreamedFlat { stream: self.stream.clone() };
        let start = move |queries: Rows<'_>, params: &SearchParams| rows.submit(queries, k, params);
        self.in_blocks(queries, block, params, Box::new(start))
    }

    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        let rows = StreamedFlat { stream: self.stream.clone() };
        let start = move |queries: Rows<'_>, params: &SearchParams| {
            rows.submit_range(queries, radius, params)
        };
        self.in_blocks(queries, block, params, Box::new(start))
    }

    /// None but while a search runs: what is on the device then is gone with it.
    fn memory(&self) -> u64 {
        self.stream.empty.bytes()
    }
}

fn unprepared() -> Error {
    let what =
        "filters that are prepared: its rows are not on the device; set filter or query_filter";
    Error::unsupported("StreamedFlat", what)
}

impl fmt::Debug for StreamedFlat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, dim, dtype) = (self.len(), self.dim(), self.dtype());
        write!(f, "StreamedFlat({n} x {dim} {dtype}, {})", self.metric())
    }
}

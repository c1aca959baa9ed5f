//! What indexes can do: all of them answer, most of them change.

use super::hits::{Hits, RangeHits};
use super::params::SearchParams;
use super::stream::HitStream;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{RowSource, SliceSource};
use crate::metric::Metric;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// What can be searched: the reading side of every index, and all that one has whose rows do not change.
///
/// [`Flat`](crate::Flat), [`BinaryFlat`](crate::BinaryFlat) and [`StreamedFlat`](crate::StreamedFlat) have it, and so has
/// every [`Index`]: a `&dyn Index` is a `&dyn Search` wherever one is wanted. All methods take `&self`, threads may call any of
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
    fn dim(&self) -> usize;

    /// How near two rows are.
    fn metric(&self) -> &Metric;

    /// The type of the elements.
    fn dtype(&self) -> DType;

    /// Rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `k` nearest rows of each f32 query.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    fn search(&self, queries: &[f32], k: usize) -> Result<Hits> {
        self.search_with(Rows::F32(queries), k, &SearchParams::default())
    }

    /// The `k` nearest rows of each query; as [`submit`](Self::submit), but blocks.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
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
    /// parameters that the index or the call has no use for ([`SearchParams`]); as [`add_rows`](Index::add_rows) for queries of the wrong shape or with values that the metric refuses; `Unsupported`
    /// where bits meet others; `OutOfDeviceMemory`; `Cancelled`; `DeviceLost`.
    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>>;

    /// All rows within a radius of each f32 query: distances below it, similarities above it.
    ///
    /// # Errors
    /// As [`submit_range`](Self::submit_range).
    fn range_search(&self, queries: &[f32], radius: f32) -> Result<RangeHits> {
        self.range_search_with(Rows::F32(queries), radius, &SearchParams::default())
    }

    /// All rows within a radius of each query; as [`submit_range`](Self::submit_range), but blocks.
    ///
    /// # Errors
    /// As [`submit_range`](Self::submit_range).
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
    /// Cost: every exact distance, and 12 bytes of host memory a hit.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); `InvalidArgument` for a radius that is not a number.
    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>>;

    /// Starts a search for the `k` nearest rows of each query whose answers come as a stream, `block` queries at a time, so
    /// that the hits of all need not fit in memory together, and whoever waits may do other things, or give up.
    /// [`HitStream`] says what runs when.
    ///
    /// The answers are those of one [`submit`](Self::submit), to the bit.
    ///
    /// Cost: each block is a search of its own, which reads all rows: some thousands of queries a block lose no time, of a
    /// [`StreamedFlat`](crate::StreamedFlat) as many as there is memory for. A filter is evaluated for each block.
    ///
    /// # Errors
    /// At once, for all queries: as [`submit`](Self::submit), and `InvalidArgument` for a `block` of 0. As the last item what a search may
    /// end with.
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
    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream>;

    /// Bytes of device memory that the index holds between searches, free room for more rows included.
    fn memory(&self) -> u64;
}

/// An index that changes, as [`Flat`](crate::Flat) and [`BinaryFlat`](crate::BinaryFlat) do: rows are added, replaced and removed
/// under ids, and written to a file.
///
/// As those of [`Search`], all methods take `&self`, and threads may call any of them at the same time. A change builds a new
/// snapshot and swaps it in; a search runs on the snapshot that was current when it began. Changes run one after the other. A
/// call that fails has changed nothing.
///
/// Ids are below 2^63 and stay the same when others are removed. Rows that are added without ids get those that follow the
/// largest id that was ever in the index, from 0 on.
pub trait Index: Search {
    /// Learns from a sample what adding needs to know; an index that needs nothing, such as [`Flat`](crate::Flat), only checks the
    /// sample's shape.
    ///
    /// # Errors
    /// `DimensionMismatch`.
    fn train(&self, sample: Rows<'_>) -> Result<()>;

    /// Adds f32 rows, row-major, and returns their ids.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows).
    fn add(&self, rows: &[f32]) -> Result<Range<u64>> {
        self.add_rows(Rows::F32(rows))
    }

    /// Adds rows of the index's type, and returns their ids.
    ///
    /// Cost: uploads them; what was added before stays where it is, but for copies on the device, doubling.
    ///
    /// # Errors
    /// `DimensionMismatch`; `InvalidArgument` for rows of another type; `NonFinite` and `InvalidValue` for what the metric
    /// refuses, counted in the rows of this call; `LimitExceeded` beyond 2^32 rows; `OutOfDeviceMemory`; `DeviceLost`.
    fn add_rows(&self, rows: Rows<'_>) -> Result<Range<u64>> {
        self.add_from(&mut source(rows, self.dtype(), self.dim())?)
    }

    /// Adds rows under ids of one's own, in any order and with any gaps. An id that was removed may come back.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows); `DuplicateId` for one that is there, or twice in `ids`; `InvalidArgument` for one
    /// of 2^63 or above, or when there are not as many as rows.
    fn add_with_ids(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.add_from_with_ids(&mut source(rows, self.dtype(), self.dim())?, ids)
    }

    /// Adds the rows of a stream of any length, and returns their ids; one that reports its progress, or ends with an error
    /// when it is cancelled, is a [`RowSource`] around another.
    ///
    /// Cost: as [`add_rows`](Self::add_rows); host memory for a few blocks of rows. Other changes wait for the stream's end,
    /// so it must not change the index itself.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows), and what the source returns.
    fn add_from(&self, source: &mut dyn RowSource) -> Result<Range<u64>>;

    /// Adds the rows of a stream under ids of one's own.
    ///
    /// # Errors
    /// As [`add_from`](Self::add_from) and [`add_with_ids`](Self::add_with_ids).
    fn add_from_with_ids(&self, source: &mut dyn RowSource, ids: &[u64]) -> Result<()>;

    /// Gives an id another row; its place in the order stays.
    ///
    /// Cost: copies the segment that it lies in, up to 2 GiB, on the device, since searches may still read the old one.
    ///
    /// # Errors
    /// `UnknownId`; as [`add_rows`](Self::add_rows).
    fn update(&self, id: u64, row: Rows<'_>) -> Result<()>;

    /// Removes ids, and returns how many of them were there; the others are ignored, as FAISS's `remove_ids` does.
    ///
    /// Cost: a pass over 4 bytes a row, so remove many at once. Rows that are removed keep their memory until they are
    /// more than half of all; then the rest is copied together on the device.
    ///
    /// # Errors
    /// `OutOfDeviceMemory`; `DeviceLost`.
    fn remove(&self, ids: &[u64]) -> Result<usize>;

    /// Whether an id is in the index.
    fn contains(&self, id: u64) -> bool;

    /// The row of an id, as f32; of bits, a 0 or 1 for each.
    ///
    /// # Errors
    /// As [`reconstruct_bytes`](Self::reconstruct_bytes).
    fn reconstruct(&self, id: u64) -> Result<Vec<f32>> {
        let bytes = self.reconstruct_bytes(id)?;
        // f32 wants an alignment that bytes need not have
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        aligned[..bytes.len()].copy_from_slice(&bytes);
        Ok(Rows::from_bytes(self.dtype(), &aligned[..bytes.len()])?.to_f32())
    }

    /// The row of an id as it is stored: the bytes of [`dim`](Search::dim) elements of [`dtype`](Search::dtype).
    ///
    /// # Errors
    /// `UnknownId`; `DeviceLost`.
    fn reconstruct_bytes(&self, id: u64) -> Result<Vec<u8>>;

    /// Writes a file for [`read_index`](crate::read_index): checksummed, whole or not at all, without what was removed.
    ///
    /// Cost: streams the rows in blocks; searches and changes go on meanwhile.
    ///
    /// # Errors
    /// `Io`; `OutOfDeviceMemory` for staging; `DeviceLost`.
    fn write(&self, path: &Path) -> Result<()>;
}

fn source(rows: Rows<'_>, dtype: DType, dim: usize) -> Result<SliceSource<'_>> {
    if rows.dtype() != dtype {
        let reason = format!("rows of {} for an index of {dtype}", rows.dtype());
        return Err(Error::argument("rows", reason));
    }
    SliceSource::new(rows, dim)
}

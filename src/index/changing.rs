//! What indexes can do that change: most of them.

use super::add::{self, AddParams};
use super::as_f32::rows_as_f32;
use super::params::TrainParams;
use super::traits::Search;
use crate::buffer::Matrix;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::format::{AtomicFile, RowSource};
use std::any::Any;
use std::ops::Range;
use std::path::Path;

/// An index that changes, as [`Flat`](crate::Flat), [`BinaryFlat`](crate::BinaryFlat) and [`IvfFlat`](crate::IvfFlat) do: rows are added, replaced and removed
/// under ids, and written to a file.
///
/// As those of [`Search`], all methods take `&self`, and threads may call any of them at the same time. A change builds a new
/// snapshot and swaps it in; a search runs on the snapshot that was current when it began. Changes run one after the other. A
/// call that fails has changed nothing.
///
/// Ids are below 2^63 and stay the same when others are removed. Rows that are added without ids get those that follow the
/// largest id that was ever in the index, from 0 on.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, Rows, Search, read_index, write_index};
/// let gpu = Gpu::new()?;
/// let index = Flat::new(&gpu, 2, Metric::L2)?;
/// index.add_with_ids(Rows::F32(&[0.0, 0.0, 3.0, 4.0, 6.0, 8.0]), &[70, 30, 50])?;
/// // another row for 30, and one for an id that is new
/// assert_eq!(index.upsert(Rows::F32(&[3.0, 5.0, 1.0, 1.0]), &[30, 90])?, 1);
/// index.remove(&[50])?;
/// assert_eq!((index.len(), index.ids()), (3, vec![70, 30, 90]));
/// write_index(&index, "vectors.nf")?;
/// assert_eq!(read_index(&gpu, "vectors.nf")?.reconstruct(30)?, [3.0, 5.0]);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub trait Index: Search {
    /// Learns from a sample what adding needs to know; an index that needs nothing, such as [`Flat`](crate::Flat), only checks the
    /// sample's shape. Trained again, an index learns anew, and what there is of rows is brought in line: of an
    /// [`IvfFlat`](crate::IvfFlat) each gets the list that is nearest now.
    ///
    /// # Errors
    /// `PartialRow` for a sample that ends in the middle of a row; `InvalidArgument` for one of fewer rows than there is to learn from;
    /// as [`add_rows`](Self::add_rows).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?; let rows = [0.0; 20_000];
    /// let index = index_factory(&gpu, 2, "IVF64,Flat", Metric::L2, DType::F32)?;
    /// let sample = &rows[..rows.len().min(2 * index.training_rows())];
    /// index.train(Rows::F32(sample))?;
    /// index.add(&rows)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn train(&self, sample: Rows<'_>) -> Result<()> {
        self.train_with(sample, &TrainParams::new())
    }

    /// [`train`](Self::train) that may tell how far it is, may be cancelled, and may be told how.
    ///
    /// # Errors
    /// As [`train`](Self::train) and [`kmeans`](crate::kmeans).
    fn train_with(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()>;

    /// The most rows of a sample that training has a use for; 0 where there is nothing to learn.
    fn training_rows(&self) -> usize {
        0
    }

    /// Adds f32 rows, row-major, and returns their ids.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// assert_eq!(index.add(&[0.0, 0.0, 3.0, 4.0])?, 0..2);
    /// assert_eq!(index.add(&[6.0, 8.0])?, 2..3);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("add_items", "insert"))]
    fn add(&self, rows: &[f32]) -> Result<Range<u64>> {
        self.add_rows(Rows::F32(rows))
    }

    /// Adds rows of the index's type, and returns their ids.
    ///
    /// Cost: uploads them; what was added before stays where it is, but for copies on the device, doubling.
    ///
    /// # Errors
    /// `PartialRow` where they end in the middle of a row; `InvalidArgument` for rows of another type; `NonFinite` and `InvalidValue`
    /// for what the metric refuses, counted in the rows of this call; `LimitExceeded` beyond 2^32 rows; `OutOfDeviceMemory`; `DeviceLost`.
    fn add_rows(&self, rows: Rows<'_>) -> Result<Range<u64>> {
        self.add_with(rows, &AddParams::new())
    }

    /// Adds rows under ids of one's own, in any order and with any gaps. An id that was removed may come back.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows); `DuplicateId` for one that is there, or twice in `ids`; `InvalidArgument` for one
    /// of 2^63 or above, or when there are not as many as rows.
    #[doc(alias("add_items", "insert"))]
    fn add_with_ids(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.add_with(rows, &AddParams::new().ids(ids)).map(|_| ())
    }

    /// As [`add_from_with`](Self::add_from_with), of rows in memory.
    ///
    /// # Errors
    /// As [`add_from_with`](Self::add_from_with).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?; let rows = vec![0.5; 2 << 20];
    /// let cancel = CancelToken::new(); // for another thread, which may cancel it
    /// let params = AddParams::new().progress(|share| eprintln!("{:.0} %", 100.0 * share)).cancel(&cancel);
    /// match index.add_with(Rows::F32(&rows), &params) {
    ///     Err(Error::Cancelled) => assert!(index.is_empty()),
    ///     added => assert_eq!(added?, 0..1 << 20),
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn add_with(&self, rows: Rows<'_>, params: &AddParams<'_>) -> Result<Range<u64>> {
        self.add_from_with(&mut add::source(rows, self.dtype(), self.dim())?, params)
    }

    /// Adds the rows of a stream of any length, and returns their ids.
    ///
    /// Cost: as [`add_rows`](Self::add_rows) and host memory for a few blocks. Changes wait for its end, so it must make none itself.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows); `DimensionMismatch` for a stream of another dimension; what the source returns.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{DType, Flat, Gpu, Index, Metric, RowSource, Search, format};
    /// let mut file = format::open("vectors.npy", DType::F32)?;
    /// let index = Flat::with_dtype(&Gpu::new()?, file.dim(), Metric::L2, file.dtype())?;
    /// index.add_from(&mut file)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn add_from(&self, source: &mut dyn RowSource) -> Result<Range<u64>> {
        self.add_from_with(source, &AddParams::new())
    }

    /// Adds the rows of a stream under given ids, with progress, until somebody cancels: whatever the parameters say. Returns
    /// the ids that the index gave to the rows, which are none where [`ids`](AddParams#structfield.ids) are set.
    ///
    /// # Errors
    /// As [`add_from`](Self::add_from) and [`add_with_ids`](Self::add_with_ids); `Cancelled`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let mut file = format::open("vectors.npy", DType::F32)?;
    /// let index = Flat::new(&Gpu::new()?, file.dim(), Metric::L2)?;
    /// let params = AddParams::new().progress(|share| eprint!("\r{:3.0} %", 100.0 * share));
    /// index.add_from_with(&mut file, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn add_from_with(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>>;

    /// Adds the rows of a matrix, which are on the device already, and returns their ids.
    ///
    /// Cost: the device checks and copies them, without the host; an index that has no rows yet shares the matrix's memory instead.
    /// Rows that the metric transforms (correlation, Hellinger, haversine) go through the host. So do those in which the device
    /// finds what may have to be refused: the host then says whether, and which row.
    ///
    /// # Errors
    /// As [`add_from`](Self::add_from); `InvalidArgument` for a matrix of another [`Gpu`](crate::Gpu), whose rows come by
    /// `add_from` of its [`source`](Matrix::source).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Flat, Gpu, Index, Matrix, Metric, Rows};
    /// let gpu = Gpu::new()?;
    /// let matrix = Matrix::from_rows(&gpu, 2, Rows::F32(&[0.0, 0.0, 3.0, 4.0]))?;
    /// let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// assert_eq!(index.add_matrix(&matrix)?, 0..2);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn add_matrix(&self, matrix: &Matrix) -> Result<Range<u64>> {
        self.add_matrix_with(matrix, &AddParams::new())
    }

    /// Adds the rows of a matrix under given ids, unless somebody has cancelled. The progress is told once, at the end.
    ///
    /// # Errors
    /// As [`add_matrix`](Self::add_matrix) and [`add_from_with`](Self::add_from_with).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?; let index = Flat::new(&gpu, 2, Metric::L2)?;
    /// let matrix = Matrix::from_rows(&gpu, 2, Rows::F32(&[0.0, 0.0, 3.0, 4.0]))?;
    /// index.add_matrix_with(&matrix, &AddParams::new().ids(&[70, 30]))?;
    /// assert_eq!(index.ids(), [70, 30]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn add_matrix_with(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>>;

    /// Gives an id another row; its place in the order stays. It costs what [`update_rows`](Self::update_rows) of one row does.
    ///
    /// # Errors
    /// As [`update_rows`](Self::update_rows).
    fn update(&self, id: u64, row: Rows<'_>) -> Result<()> {
        self.update_rows(row, &[id])
    }

    /// Gives ids other rows; their places in the order stay. One change, whatever their number.
    ///
    /// Cost: uploads the rows, and copies on the device, once, each segment of up to 2 GiB that has some of them, since searches
    /// may still read the old one; where rows were removed, 4 bytes a row of the index more.
    ///
    /// # Errors
    /// `UnknownId`; `DuplicateId` for an id that is twice in `ids`; as [`add_rows`](Self::add_rows).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 6.0, 8.0])?;
    /// index.update_rows(Rows::F32(&[1.0, 1.0, 2.0, 2.0]), &[2, 0])?;
    /// index.update(1, Rows::F32(&[5.0, 5.0]))?;
    /// assert_eq!(index.reconstruct_many(&[0, 1, 2])?, [2.0, 2.0, 5.0, 5.0, 1.0, 1.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn update_rows(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()>;

    /// Updates the rows whose ids are there, adds the others, in their order, and returns how many it added. One change.
    ///
    /// Cost: as [`update_rows`](Self::update_rows) and [`add_rows`](Self::add_rows); a segment that also has to grow is copied once.
    ///
    /// # Errors
    /// As [`add_with_ids`](Self::add_with_ids), but for ids that are there.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// assert_eq!(index.upsert(Rows::F32(&[0.0, 0.0, 3.0, 4.0]), &[7, 5])?, 2);
    /// assert_eq!(index.upsert(Rows::F32(&[1.0, 1.0, 2.0, 2.0]), &[9, 7])?, 1);
    /// assert_eq!(index.ids(), [7, 5, 9]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize>;

    /// Removes ids, and returns how many of them were there; the others are ignored, as FAISS's `remove_ids` does.
    ///
    /// Cost: a pass over 4 bytes a row, so remove many at once. Rows that are removed keep their memory until they are
    /// more than a fifth of all; then the rest is copied together on the device.
    ///
    /// # Errors
    /// `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0])?;
    /// assert_eq!(index.remove(&[1, 5])?, 1);
    /// assert!(index.contains(0) && !index.contains(1));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("remove_ids", "delete"))]
    fn remove(&self, ids: &[u64]) -> Result<usize>;

    /// Adds the rows of another index of the same kind, metric, type and dimension behind those there are, under their ids, and returns
    /// how many they are. The other stays as it is, where FAISS's `merge_from` empties it; it may be of another
    /// [`Gpu`](crate::Gpu). Lists are merged where the centroids of both are equal to the bit.
    ///
    /// # Errors
    /// `DuplicateId` for one that both have; `InvalidArgument` where the two do not fit; as [`add_rows`](Self::add_rows).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?;
    /// let (index, other) = (Flat::new(&gpu, 1, Metric::L2)?, Flat::new(&gpu, 1, Metric::L2)?);
    /// index.add_with_ids(Rows::F32(&[1.0, 2.0]), &[7, 8])?;
    /// other.add(&[3.0])?;
    /// assert_eq!((index.merge_from(&other)?, index.ids()), (1, vec![7, 8, 0]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("merge"))]
    fn merge_from(&self, _other: &dyn Index) -> Result<usize> {
        Err(Error::unsupported(self.description(), "rows of another index"))
    }

    /// The index as what it is, for others of its kind.
    #[doc(hidden)]
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// Another index of the same state, which changes alone, whose next id is at least this one, and what it is; of kinds of this crate.
    #[doc(hidden)]
    fn forked(&self, _next_id: u64) -> Option<(Box<dyn Index>, u64)> {
        None
    }

    /// Whether an id is in the index.
    fn contains(&self, id: u64) -> bool;

    /// The ids of all rows, in the order of the rows: that in which equal distances stand, and in which they are written.
    ///
    /// Cost: 8 bytes of host memory a row.
    fn ids(&self) -> Vec<u64>;

    /// The row of an id, as f32; of bits, a 0 or 1 for each.
    ///
    /// # Errors
    /// As [`reconstruct_into`](Self::reconstruct_into).
    #[doc(alias("get", "get_items", "get_vector"))]
    fn reconstruct(&self, id: u64) -> Result<Vec<f32>> {
        self.reconstruct_many(&[id])
    }

    /// The row of an id as it is stored: the bytes of [`dim`](Search::dim) elements of [`dtype`](Search::dtype).
    ///
    /// # Errors
    /// As [`reconstruct_into`](Self::reconstruct_into).
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = BinaryFlat::new(&Gpu::new()?, 16, Metric::Hamming)?;
    /// index.add_rows(Rows::Bits(&[0b1010_0000, 7]))?;
    /// assert_eq!(index.reconstruct_bytes(0)?, [160, 7]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn reconstruct_bytes(&self, id: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.dtype().row_bytes(self.dim())];
        self.reconstruct_into(&[id], &mut bytes)?;
        Ok(bytes)
    }

    /// The rows of some ids, in the order of the ids, as f32; of bits, a 0 or 1 for each. An id may be there twice.
    /// Cost: as [`reconstruct_into`](Self::reconstruct_into), and the f32 beside the bytes of other types.
    ///
    /// # Errors
    /// As [`reconstruct_into`](Self::reconstruct_into); `InvalidArgument` for more than fits in host memory.
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.add(&[0.0, 0.0, 3.0, 4.0, 6.0, 8.0])?;
    /// assert_eq!(index.reconstruct_many(&[2, 0])?, [6.0, 8.0, 0.0, 0.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn reconstruct_many(&self, ids: &[u64]) -> Result<Vec<f32>> {
        let what = (self.dtype(), self.dim());
        rows_as_f32(what, ids.len(), |out| self.reconstruct_into(ids, out))
    }

    /// Writes the rows of some ids as they are stored to `out`, one after the other: for each the bytes of [`dim`](Search::dim)
    /// elements of [`dtype`](Search::dtype). An id may be there twice.
    /// Cost: the device brings the rows together, and they come to the host 32 MiB at a time.
    ///
    /// # Errors
    /// `UnknownId`; `InvalidArgument` when `out` has another length; `OutOfDeviceMemory`; `DeviceLost`. In the last two
    /// cases `out` may have been written in part.
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::with_dtype(&Gpu::new()?, 2, Metric::L2, DType::U8)?;
    /// index.add_rows(Rows::U8(&[0, 0, 3, 4, 6, 8]))?;
    /// let mut rows = [0; 4];
    /// index.reconstruct_into(&[2, 1], &mut rows)?;
    /// assert_eq!(rows, [6, 8, 3, 4]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn reconstruct_into(&self, ids: &[u64], out: &mut [u8]) -> Result<()>;

    /// Writes a file for [`read_index`](crate::read_index): checksummed, whole or not at all, without what was removed.
    /// [`write_index`](crate::write_index) takes any kind of path.
    ///
    /// Cost: streams the rows in blocks; searches and changes go on meanwhile.
    ///
    /// # Errors
    /// `Io`; `OutOfDeviceMemory` for staging; `DeviceLost`.
    #[doc(alias("save"))]
    fn write(&self, path: &Path) -> Result<()> {
        self.write_unnamed(path)?.finish()
    }

    /// The same as [`write`](Self::write), but for the name of the file, which comes with [`finish`](AtomicFile::finish): for a
    /// caller that has something to do, or to ask, before the file counts.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// index.write("vectors.nf".as_ref())?; // or, to look at it first:
    /// let mut file = index.write_unnamed("vectors.nf".as_ref())?;
    /// IndexInfo::verify(file.unfinished()?, &mut |_, _| Ok(()))?; // what was written reads
    /// file.finish()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    fn write_unnamed(&self, path: &Path) -> Result<AtomicFile>;
}

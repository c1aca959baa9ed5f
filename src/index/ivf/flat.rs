//! Rows as they are, in the lists of their nearest centroids.

use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::index::persist::{self, IVF_FLAT, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Search of the nearest lists: FAISS's `IndexIVFFlat`.
///
/// Each row is in the list of the centroid that is nearest to it, and a search looks at the rows of the [`nprobe`](Self::nprobe) lists
/// whose centroids are nearest to the query: a part of all, so that it is fast and may miss a neighbour in a list beyond. More lists at
/// a time miss fewer.
///
/// From [`IvfFlat::new`], [`IvfFlat::with_dtype`], [`IvfFlat::with_centroids`], [`IvfFlat::read`] or
/// [`index_factory`](crate::index_factory). Before rows are added, [`train`](crate::Index::train) learns the centroids from a sample of
/// them, of 39 to 256 rows a list; before that adding and searching are [`Error::NotTrained`]. Training again learns others, and gives
/// each row there is the list that is nearest now. All else is as of a [`Flat`](crate::Flat): types, metrics, ids, filters, changes,
/// files, the order of equal distances.
///
/// Cost: that of a [`Flat`](crate::Flat) in device memory, and the centroids; 4 bytes of host memory a row. Adding finds the nearest
/// centroid of each row, exactly.
///
/// # Accuracy
/// Of the lists that are looked at no row is missed, and distances are those of a [`Flat`](crate::Flat), to the bit. Lists are looked
/// at in the exact order of their centroids, equal ones in the order of their numbers, so that an answer does not depend on the other
/// queries of a call. Where all lists are looked at the answer is that of a [`Flat`](crate::Flat), as it is with
/// [`Guarantee::Exact`](crate::Guarantee::Exact): ground truth from the index itself. [`IvfParams::prove`](crate::IvfParams#structfield.prove)
/// tells the queries whose answer is that even though only some lists were looked at. A query, or a row, that has a distance to
/// no centroid (NaN in every element under [`Metric::NanEuclidean`]) is looked for in no list, or is in list 0.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, IvfFlat, IvfParams, Metric, Rows, Search, SearchParams};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let index = IvfFlat::new(&Gpu::new()?, 128, Metric::L2, 4096)?;
/// index.train(Rows::F32(&rows[..128 * 200_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// // slower, and nearer to all that there is
/// let params = SearchParams::new().ivf(IvfParams::new().nprobe(64));
/// let more = index.search_with(Rows::F32(&queries), 10, &params)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexIVFFlat", "IVF", "inverted file"))]
#[derive(Debug)]
pub struct IvfFlat(Core<IvfRows>);

impl IvfFlat {
    /// An index of f32 rows that has yet to be trained. For n rows some `4 sqrt(n)` to `16 sqrt(n)` lists are usual.
    ///
    /// # Errors
    /// As [`IvfFlat::with_dtype`].
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, nlist: usize) -> Result<IvfFlat> {
        IvfFlat::with_dtype(gpu, dim, metric, DType::F32, nlist)
    }

    /// An index of rows of any type but bits that has yet to be trained; centroids are f32 whatever the rows are.
    ///
    /// # Errors
    /// `Unsupported` for bits; `InvalidArgument` for an `nlist` of 0; as [`Flat::with_dtype`](crate::Flat::with_dtype).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Gpu, Index, IvfFlat, Metric, Rows};
    /// # let rows = [0; 12_800];
    /// let index = IvfFlat::with_dtype(&Gpu::new()?, 128, Metric::L2, DType::U8, 64)?;
    /// index.train(Rows::U8(&rows))?; // or any other type
    /// index.add_rows(Rows::U8(&rows))?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_dtype(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        dtype: DType,
        nlist: usize,
    ) -> Result<IvfFlat> {
        Ok(IvfFlat(Core::new(empty(gpu, &metric, (dtype, dim), nlist)?)))
    }

    /// An index of these centroids, which need no training: rows of `dim` elements, one after the other, a list for each.
    ///
    /// # Errors
    /// As [`IvfFlat::with_dtype`] and [`set_centroids`](Self::set_centroids).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Gpu, Index, IvfFlat, Metric, Search};
    /// let centroids = [0.0, 0.0, 10.0, 10.0]; // of two lists
    /// let index = IvfFlat::with_centroids(&Gpu::new()?, 2, Metric::L2, DType::F32, &centroids)?;
    /// index.add(&[1.0, 0.0, 9.0, 9.0, 0.0, 1.0])?;
    /// assert_eq!((index.list_sizes(), index.is_trained()), (vec![2, 1], true));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        dtype: DType,
        centroids: &[f32],
    ) -> Result<IvfFlat> {
        let nlist = if dim == 0 { 1 } else { Rows::F32(centroids).count(dim)? };
        let rows = empty(gpu, &metric, (dtype, dim), nlist)?;
        Ok(IvfFlat(Core::new(rows.with_centroids(centroids)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `IvfFlat`; otherwise as
    /// [`read_index`](crate::read_index). No row is assigned anew.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfFlat};
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// println!("{} of {} lists are looked at", index.nprobe(), index.nlist());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<IvfFlat> {
        persist::open_kind(path.as_ref(), Self::KIND)?
            .whole(|reader| IvfFlat::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<IvfFlat> {
        let core = Core::read(reader, |info| {
            // how many lists there are stands behind the ids
            empty(gpu, &info.metric, (info.dtype, info.dim), 1)
        });
        core.map(IvfFlat)
    }

    /// How many lists there are.
    pub fn nlist(&self) -> usize {
        self.0.snapshot().rows().lists.nlist()
    }

    /// How many lists a search looks at that does not say so ([`IvfParams::nprobe`](crate::IvfParams#structfield.nprobe)): 20,
    /// unless [`set_nprobe`](Self::set_nprobe) or the file that the index was read from says otherwise.
    pub fn nprobe(&self) -> usize {
        self.0.snapshot().rows().nprobe
    }

    /// Has searches look at so many lists unless they say how many; files keep the number. More than there are is all of them.
    ///
    /// # Errors
    /// `InvalidArgument` for 0 and for 2^32 or more.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// index.set_nprobe(2 * index.nprobe())?;
    /// index.write("lists.nf".as_ref())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_nprobe(&self, nprobe: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_nprobe(nprobe))
    }

    /// The elements of all centroids, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?;
    /// let index = IvfFlat::read(&gpu, "lists.nf")?;
    /// // the same lists for other rows; these two can be merged
    /// let (centroids, metric) = (index.centroids()?, index.metric().clone());
    /// let other = IvfFlat::with_centroids(&gpu, index.dim(), metric, index.dtype(), &centroids)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn centroids(&self) -> Result<Vec<f32>> {
        self.0.snapshot().rows().centroids()
    }

    /// Takes these centroids in the place of those there are, or of training. Each row that the index has gets the list that is
    /// nearest now.
    ///
    /// # Errors
    /// `PartialRow`; `InvalidArgument` where they are not as many as lists; `NonFinite` and `InvalidValue` for what the metric
    /// refuses; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::new(&Gpu::new()?, 2, Metric::L2, 2)?;
    /// index.set_centroids(&[0.0, 0.0, 10.0, 10.0])?;
    /// assert!(index.is_trained());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_centroids(&self, centroids: &[f32]) -> Result<()> {
        self.0.rebuild(|rows| rows.with_centroids(centroids))
    }

    /// How many rows each list has; those that were removed do not count.
    pub fn list_sizes(&self) -> Vec<u64> {
        let now = self.0.snapshot();
        now.rows().list_sizes(now.live())
    }
}

/// No rows yet.
fn empty(
    gpu: &Gpu,
    metric: &Metric,
    (dtype, dim): (DType, usize),
    nlist: usize,
) -> Result<IvfRows> {
    if dtype == DType::Bits {
        return Err(Error::unsupported("IvfFlat", "bits, of which BinaryIvf (BIVF4096) has lists"));
    }
    IvfRows::new(gpu, metric, (dtype, dim), nlist)
}

impl Backed for IvfFlat {
    const KIND: &str = IVF_FLAT;

    type Rows = IvfRows;

    fn core(&self) -> &Core<IvfRows> {
        &self.0
    }

    fn of(core: Core<IvfRows>) -> IvfFlat {
        IvfFlat(core)
    }
}

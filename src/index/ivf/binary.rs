//! Rows of bits, in the lists of their nearest centroids.

use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::index::persist::{self, BINARY_IVF, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Search of the nearest lists of rows of bits: FAISS's `IndexBinaryIVF`.
///
/// As an [`IvfFlat`](crate::IvfFlat), of [`Rows::Bits`](crate::Rows::Bits), whose dimension counts bits, and under every metric of bits.
/// Centroids are bits, too: [`train`](crate::Index::train) clusters numbers, 1 for a bit that is set and -1 for one that is not, and keeps the
/// signs of the means, as FAISS does; each row is in the list of the centroid that is nearest by the metric, of equal ones the first. A search looks at
/// the rows of the [`nprobe`](Self::nprobe) lists whose centroids are nearest to the query.
///
/// From [`BinaryIvf::new`], [`BinaryIvf::with_centroids`], [`BinaryIvf::read`] or [`index_factory`](crate::index_factory) (`BIVF4096`).
/// Samples of 39 to 256 rows a list are usual.
///
/// Cost: that of a [`BinaryFlat`](crate::BinaryFlat) in device memory, and the centroids; 4 bytes of host memory a row. A search compares every row
/// of the lists that it looks at, pair by pair of query and list: where that is a large part of all rows, and queries are many, a
/// [`BinaryFlat`](crate::BinaryFlat), which reads rows once for many queries, is faster. Training takes a byte a bit of its sample.
///
/// # Accuracy
/// Of the lists that are looked at no row is missed, and distances are those of a [`BinaryFlat`](crate::BinaryFlat), to the bit. Where all lists are
/// looked at the answer is that of a [`BinaryFlat`](crate::BinaryFlat), as it is with [`Guarantee::Exact`](crate::Guarantee::Exact).
/// [`IvfParams::prove`](crate::IvfParams#structfield.prove) proves no answer of bits where some lists are not looked at.
///
/// # Example
/// ```no_run
/// use nearfield::{BinaryIvf, Gpu, Index, IvfParams, Metric, Rows, Search, SearchParams};
/// # let (rows, queries) = (vec![5; 32 << 20], vec![5; 320]);
/// let index = BinaryIvf::new(&Gpu::new()?, 256, Metric::Hamming, 1024)?;
/// index.train(Rows::Bits(&rows[..32 * 100_000]))?;
/// index.add_rows(Rows::Bits(&rows))?;
/// let params = SearchParams::new().ivf(IvfParams::new().nprobe(16));
/// let hits = index.search_with(Rows::Bits(&queries), 10, &params)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexBinaryIVF", "BIVF"))]
#[derive(Debug)]
pub struct BinaryIvf(Core<IvfRows>);

impl BinaryIvf {
    /// An index of rows of `dim` bits in `nlist` lists that has yet to be trained. Where `dim` is no multiple of 8, the bits of a row's last byte
    /// behind them have to be 0.
    ///
    /// # Errors
    /// `InvalidArgument` for an `nlist` of 0 and unless `dim` is 1 to 32760; `Unsupported` for a metric that is not one of bits; `LimitExceeded`.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, nlist: usize) -> Result<BinaryIvf> {
        let rows = IvfRows::new(gpu, &metric, (DType::Bits, dim), nlist)?;
        Ok(BinaryIvf(Core::new(rows)))
    }

    /// An index of these centroids, which need no training: rows of `dim` bits, one after the other, a list for each.
    ///
    /// # Errors
    /// As [`BinaryIvf::new`] and [`set_centroids`](Self::set_centroids).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{BinaryIvf, Gpu, Index, Metric, Rows, Search};
    /// let centroids = [0b0000_0000, 0b1111_1111]; // of two lists
    /// let index = BinaryIvf::with_centroids(&Gpu::new()?, 8, Metric::Hamming, &centroids)?;
    /// index.add_rows(Rows::Bits(&[0b0000_0111, 0b0111_1110, 0b0000_0001]))?;
    /// assert_eq!((index.list_sizes(), index.is_trained()), (vec![2, 1], true));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        centroids: &[u8],
    ) -> Result<BinaryIvf> {
        let nlist = if dim == 0 { 1 } else { Rows::Bits(centroids).count(dim)? };
        let rows = IvfRows::new(gpu, &metric, (DType::Bits, dim), nlist)?;
        Ok(BinaryIvf(Core::new(rows.with_bit_centroids(centroids)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `BinaryIvf`; otherwise as
    /// [`read_index`](crate::read_index). No row is assigned anew.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{BinaryIvf, Gpu};
    /// let index = BinaryIvf::read(&Gpu::new()?, "hashes.nf")?;
    /// println!("{} of {} lists are looked at", index.nprobe(), index.nlist());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<BinaryIvf> {
        persist::open_kind(path.as_ref(), Self::KIND)?
            .whole(|reader| BinaryIvf::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<BinaryIvf> {
        let core = Core::read(reader, |info| {
            if info.dtype != DType::Bits {
                return Err(Error::unsupported(BINARY_IVF, info.dtype.name()));
            }
            // how many lists there are stands behind the ids
            IvfRows::new(gpu, &info.metric, (DType::Bits, info.dim), 1)
        });
        core.map(BinaryIvf)
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
    /// let index = BinaryIvf::read(&Gpu::new()?, "hashes.nf")?;
    /// index.set_nprobe(2 * index.nprobe())?;
    /// index.write("hashes.nf".as_ref())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_nprobe(&self, nprobe: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_nprobe(nprobe))
    }

    /// The bytes of all centroids, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?;
    /// let index = BinaryIvf::read(&gpu, "hashes.nf")?;
    /// // the same lists for other rows; these two can be merged
    /// let (centroids, metric) = (index.centroids()?, index.metric().clone());
    /// let other = BinaryIvf::with_centroids(&gpu, index.dim(), metric, &centroids)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn centroids(&self) -> Result<Vec<u8>> {
        self.0.snapshot().rows().centroid_bytes()
    }

    /// Takes these centroids in the place of those there are, or of training. Each row that the index has gets the list that is
    /// nearest now.
    ///
    /// # Errors
    /// `PartialRow`; `InvalidArgument` where they are not as many as lists; `InvalidValue` for bits that are set behind the last;
    /// `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = BinaryIvf::new(&Gpu::new()?, 8, Metric::Hamming, 2)?;
    /// index.set_centroids(&[0b0000_0000, 0b1111_1111])?;
    /// assert!(index.is_trained());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_centroids(&self, centroids: &[u8]) -> Result<()> {
        self.0.rebuild(|rows| rows.with_bit_centroids(centroids))
    }

    /// How many rows each list has; those that were removed do not count.
    pub fn list_sizes(&self) -> Vec<u64> {
        let now = self.0.snapshot();
        now.rows().list_sizes(now.live())
    }
}

impl Backed for BinaryIvf {
    const KIND: &str = BINARY_IVF;

    type Rows = IvfRows;

    fn core(&self) -> &Core<IvfRows> {
        &self.0
    }

    fn of(core: Core<IvfRows>) -> BinaryIvf {
        BinaryIvf(core)
    }
}

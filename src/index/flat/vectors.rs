//! Exact search over the rows as they are.

use super::rows;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::index::persist::{self, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Exact search over rows of any type but bits: FAISS's `IndexFlat`.
///
/// From [`Flat::new`], [`Flat::with_dtype`], [`Flat::read`] or [`index_factory`](crate::index_factory). Rows keep the
/// order in which they were added, and equal distances are answered in that order; an update keeps its place.
///
/// Cost: device memory for the rows, each rounded up to 16 bytes, and 4 bytes a row beside them (cosine: 8);
/// correlation, Hellinger and haversine hold a second copy in f32, of what they compare. Where the device profile asks for it, as
/// those of GPUs with matrix units do, f32 and bf16 rows have a copy in f16 beside them; with `kernel.scan.int8_copy` rows of 16 bits
/// and more have one in 8 bits, for single queries. Without room for a copy there is none, and a search is slower.
/// A search reads all rows once for a few queries or for some thousands together. For more rows than the device holds there
/// is [`StreamedFlat`](crate::StreamedFlat).
///
/// # Accuracy
/// The answer is the first k rows by (ordering key, row order), see [`Metric`], distances computed in f32 in a fixed order of summation: on
/// one adapter it is the same to the bit whatever the batch, the segments and the threads. See
/// [`reference::tau`](crate::reference::tau) for how far a distance may be from real arithmetic.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, Metric, Search};
/// let gpu = Gpu::new()?;
/// let index = Flat::new(&gpu, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0])?;
/// let hits = index.search(&[0.0, 0.0], 2)?;
/// assert_eq!(hits.row(0).collect::<Vec<_>>(), [(0, 0.0), (2, 1.0)]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexFlat", "IndexFlatL2", "IndexFlatIP", "BruteForce", "brute_force", "knn"))]
#[derive(Debug)]
pub struct Flat(Core<Dataset>);

impl Flat {
    /// An empty index of f32 rows.
    ///
    /// # Errors
    /// As [`Flat::with_dtype`].
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric) -> Result<Flat> {
        Flat::with_dtype(gpu, dim, metric, DType::F32)
    }

    /// An empty index of rows of any type but bits, which [`BinaryFlat`](crate::BinaryFlat) is for.
    ///
    /// # Errors
    /// `Unsupported` for bits and metrics of bits; `InvalidArgument` for a `dim` of 0 or one that the metric does not
    /// have; `Shader` for a custom metric that does not compile; `LimitExceeded` when 64 rows are more than the adapter
    /// binds.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Flat, Gpu, Index, Metric, Rows, Search, half::f16};
    /// let index = Flat::with_dtype(&Gpu::new()?, 2, Metric::InnerProduct, DType::F16)?;
    /// index.add_rows(Rows::F16(&[1.0, 0.0, 0.0, 2.0].map(f16::from_f32)))?;
    /// // f32 queries are not rounded to the rows' type
    /// assert_eq!(index.search(&[0.1, 1.0], 1)?.ids(), [1]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_dtype(gpu: &Gpu, dim: usize, metric: Metric, dtype: DType) -> Result<Flat> {
        if dtype == DType::Bits {
            return Err(Error::unsupported("Flat", "bits, which BinaryFlat is for"));
        }
        rows::new(gpu, dim, &metric, dtype).map(Flat)
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `Flat`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Flat, Gpu, Search};
    /// let index = Flat::read(&Gpu::new()?, "vectors.nf")?;
    /// println!("{} rows of {} {}", index.len(), index.dim(), index.dtype());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Flat> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| Flat::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<Flat> {
        rows::load(gpu, reader, |dtype| dtype != DType::Bits).map(Flat)
    }
}

impl Backed for Flat {
    const KIND: &str = "Flat";

    type Rows = Dataset;

    fn core(&self) -> &Core<Dataset> {
        &self.0
    }

    fn of(core: Core<Dataset>) -> Flat {
        Flat(core)
    }
}

//! Exact search over packed bits.

use super::rows;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::Dataset;
use crate::index::persist::{self, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Exact search over packed bits: FAISS's `IndexBinaryFlat`.
///
/// From [`BinaryFlat::new`], [`BinaryFlat::read`] or [`index_factory`](crate::index_factory). Rows and queries are
/// [`Rows::Bits`](crate::Rows::Bits); the dimension counts bits. All else as [`Flat`](crate::Flat).
///
/// Cost: device memory for the rows, each rounded up to 16 bytes, and 4 bytes a row beside them. A search of up to four queries takes
/// about as long as reading the rows once; of many it counts the bits of every pair of words, d / 32 for a query and a row, or half as
/// many counts and some sixteen additions for eight words where that is faster (`kernel.scan.carry_save`). Whether a search is for the
/// Hamming distance or a quotient makes little difference.
///
/// # Accuracy
/// Exact: bits are counted, and fractions are compared without rounding, so that 1/3 and 2/6 are equal.
///
/// # Example
/// ```no_run
/// use nearfield::{BinaryFlat, Gpu, Index, Metric, Rows, Search};
/// let gpu = Gpu::new()?;
/// let index = BinaryFlat::new(&gpu, 8, Metric::Hamming)?;
/// index.add_rows(Rows::Bits(&[0b0000_0000, 0b1111_1111]))?;
/// let hits = index.search_with(Rows::Bits(&[0b0000_0111]), 1, &Default::default())?;
/// assert_eq!(hits.row(0).collect::<Vec<_>>(), [(0, 3.0)]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexBinaryFlat"))]
#[derive(Debug)]
pub struct BinaryFlat(Core<Dataset>);

impl BinaryFlat {
    /// An empty index of rows of `dim` bits. Where that is no multiple of 8, the bits of a row's last byte behind them have to be 0; the
    /// first row and the first query that have others are `InvalidValue`.
    ///
    /// # Errors
    /// `Unsupported` for a metric that is not one of bits; `InvalidArgument` unless `dim` is 1 to 32760.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric) -> Result<BinaryFlat> {
        rows::new(gpu, dim, &metric, DType::Bits).map(BinaryFlat)
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `BinaryFlat`.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{BinaryFlat, Gpu, Rows, Search, SearchParams};
    /// let index = BinaryFlat::read(&Gpu::new()?, "hashes.nf")?;
    /// let query = vec![0; index.dim().div_ceil(8)];
    /// let hits = index.search_with(Rows::Bits(&query), 10, &SearchParams::new())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<BinaryFlat> {
        persist::open_kind(path.as_ref(), Self::KIND)?
            .whole(|reader| BinaryFlat::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<BinaryFlat> {
        rows::load(gpu, reader, |dtype| dtype == DType::Bits).map(BinaryFlat)
    }
}

impl Backed for BinaryFlat {
    const KIND: &str = "BinaryFlat";

    type Rows = Dataset;

    fn core(&self) -> &Core<Dataset> {
        &self.0
    }

    fn of(core: Core<Dataset>) -> BinaryFlat {
        BinaryFlat(core)
    }
}

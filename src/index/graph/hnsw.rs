//! Rows as they are, and a graph of links on levels.

use super::hnsw_rows::HnswRows;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::index::params::HnswParams;
use crate::index::persist::{self, HNSW, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Search along the links of a hierarchical navigable small world graph: HNSW, as hnswlib and FAISS have it, with their files.
///
/// From [`Hnsw::new`], [`Hnsw::with_params`], [`Hnsw::read`], [`read_hnswlib`](crate::read_hnswlib), [`read_faiss`](crate::read_faiss) or
/// [`index_factory`](crate::index_factory) (`HNSW32`). It is searched as a [`Graph`](crate::Graph) is, over the links of level 0: what that says of searches, of
/// [`GraphParams`](crate::GraphParams) and of what is answered exactly holds here. From where a search sets out, others find by a descent over the levels above; here
/// the nodes of the lowest level that has few enough and a sample of the rows are compared exactly, all at once, so that no search is led astray.
///
/// A graph that is made here is made by the first search that follows it, by [`build`](Self::build), or when the index is written: level 0 as a [`Graph`](crate::Graph)'s, of the
/// neighbours of each row, with twice [`max_connections`](HnswParams#structfield.max_connections) links; which nodes are on the levels above is a function of
/// [`seed`](HnswParams#structfield.seed) and row number, and their links lead into all directions among the nodes of the level, by HNSW's heuristic. Rows that are not reached from the level above
/// are on that level, too, and nodes of level 1 keep up to a quarter of their places on level 0 for their links of level 1: so searches of other libraries, which set out
/// from one node, get to every row that ways lead to. It is a function of the rows and
/// [`HnswParams`], whatever the order of the calls that added them.
///
/// A graph that is read from a file is searched over the very links of the file, until rows are added or replaced: the next search then makes a new one
/// of all rows. Rows that are removed are still ways to others, until one in five is; then their neighbours are linked to each other.
///
/// Cost: that of a [`Graph`](crate::Graph) of as many links, and 4 bytes of host memory a row for what is above level 0. To write a file, to read one and to
/// copy rows together, all links pass through host memory: 8 [`max_connections`](HnswParams#structfield.max_connections) bytes a row.
///
/// # Accuracy
/// As of a [`Graph`](crate::Graph): distances are those of a [`Flat`](crate::Flat), to the bit, and neighbours may be missed. What searches of hnswlib and FAISS find in a file that is written
/// here is for rows of one group what they find in their own; of rows in groups far from each other they may miss a group that none of their ways leads to, above all
/// under inner product. Searches here set out within every group.
///
/// # References
/// Malkov and Yashunin, *Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small World graphs*, arXiv 1603.09320.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, GraphParams, Hnsw, HnswParams, Index, Metric, Rows, Search, SearchParams};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let params = HnswParams::new().max_connections(16).ef_search(50);
/// let index = Hnsw::with_params(&Gpu::new()?, 128, Metric::Cosine, &params)?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// // slower, and nearer to all that there is
/// let params = SearchParams::new().graph(GraphParams::new().ef(256));
/// let more = index.search_with(Rows::F32(&queries), 10, &params)?;
/// nearfield::write_hnswlib(&index, "vectors.hnswlib")?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexHNSW", "IndexHNSWFlat", "HierarchicalNSW"))]
#[derive(Debug)]
pub struct Hnsw(Core<HnswRows>);

impl Hnsw {
    /// An empty index of f32 rows, by the defaults of [`HnswParams`].
    ///
    /// # Errors
    /// As [`Hnsw::with_dtype`].
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric) -> Result<Hnsw> {
        Hnsw::with_params(gpu, dim, metric, &HnswParams::new())
    }

    /// An empty index of f32 rows.
    ///
    /// # Errors
    /// As [`Hnsw::with_dtype`].
    pub fn with_params(gpu: &Gpu, dim: usize, metric: Metric, params: &HnswParams) -> Result<Hnsw> {
        Hnsw::with_dtype(gpu, dim, metric, DType::F32, params)
    }

    /// An empty index of rows of any type but bits.
    ///
    /// # Errors
    /// `InvalidArgument` for parameters that [`HnswParams`] does not allow; as [`Flat::with_dtype`](crate::Flat::with_dtype).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Gpu, Hnsw, HnswParams, Metric, Search};
    /// let params = HnswParams::new().max_connections(16);
    /// let index = Hnsw::with_dtype(&Gpu::new()?, 128, Metric::L2, DType::F16, &params)?;
    /// assert_eq!(index.description(), "HNSW16");
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_dtype(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        dtype: DType,
        params: &HnswParams,
    ) -> Result<Hnsw> {
        if dtype == DType::Bits {
            return Err(Error::unsupported("Hnsw", "bits, which BinaryFlat and BinaryIvf are for"));
        }
        let dataset = Dataset::new(gpu, &metric, dtype, dim)?;
        Ok(Hnsw(Core::new(HnswRows::new(dataset, params)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `Hnsw`; otherwise as [`read_index`](crate::read_index). The file has the
    /// graph, too.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Hnsw};
    /// let index = Hnsw::read(&Gpu::new()?, "hnsw.nf")?;
    /// println!("{:?}, {} rows kept", index.params(), index.ef());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Hnsw> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| Hnsw::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<Hnsw> {
        let core = Core::read(reader, |info| {
            // how the graph is made stands behind the ids
            let dataset = Dataset::new(gpu, &info.metric, info.dtype, info.dim)?;
            HnswRows::new(dataset, &HnswParams::new())
        });
        core.map(Hnsw)
    }

    /// Makes the graph now, if it is not there: otherwise the first search that follows it does. Of no rows there is none to make.
    ///
    /// # Errors
    /// `Unsupported` where there can be none, with the reason; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Hnsw::read(&Gpu::new()?, "hnsw.nf")?;
    /// index.build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn build(&self) -> Result<()> {
        self.0.snapshot().rows().build()
    }

    /// How its graph is made, and how many rows a search keeps; of a graph of a file what that says.
    pub fn params(&self) -> HnswParams {
        self.0.snapshot().rows().params()
    }

    /// How many of the best rows a search keeps that does not say so ([`GraphParams::ef`](crate::GraphParams#structfield.ef)).
    pub fn ef(&self) -> usize {
        self.params().ef_search
    }

    /// Has searches keep so many rows unless they say how many; files keep the number, but for hnswlib's.
    ///
    /// # Errors
    /// `InvalidArgument` for 0.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Hnsw::read(&Gpu::new()?, "hnsw.nf")?;
    /// index.set_ef(2 * index.ef())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_ef(&self, ef: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_ef(ef))
    }
}

impl Backed for Hnsw {
    const KIND: &str = HNSW;

    type Rows = HnswRows;

    fn core(&self) -> &Core<HnswRows> {
        &self.0
    }

    fn of(core: Core<HnswRows>) -> Hnsw {
        Hnsw(core)
    }
}

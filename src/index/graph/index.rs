//! Rows as they are, and a graph of their neighbours.

use super::rows::GraphRows;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::graph::{MOST_DEGREE, Shape};
use crate::index::persist::{self, GRAPH, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use std::path::Path;

/// Edges of a row, of an index that is not told how many.
const DEGREE: usize = 64;
/// Rows that a search keeps, of an index that is not told how many.
const EF: usize = 64;

/// Search along the edges of a graph in which each row leads to some that are near to it: of the class of cuVS's CAGRA.
///
/// From [`Graph::new`], [`Graph::with_dtype`], [`Graph::with_degree`], [`Graph::read`] or [`index_factory`](crate::index_factory) (`CAGRA64`). The graph is made by the
/// first search that follows it, or by [`build`](Self::build): of the neighbours of each row, found by the exact search of all rows by all rows, from 200,000 rows on in 96 inverted lists of each, those stay that no
/// short detour reaches, and half of the edges of a row are the way back from rows that lead to it. A search sets out from the nearest of some rows and goes to
/// the neighbours of what is nearest so far; the more rows it keeps on its way ([`ef`](Self::ef)), the fewer neighbours it misses.
///
/// All else is as of a [`Flat`](crate::Flat): types, metrics, ids, filters, changes, files, the order of equal distances. What a graph cannot answer, or not as
/// fast, the exact search answers: filters of single queries or that were prepared, filters that few rows pass, range searches, k or `ef` above 512, indexes of few rows (as the device profile says: 32,768, on a card that searches exactly very fast half a million), metrics that are
/// no sums of squares or products, and queries that found fewer hits than there are. [`SearchStats::graph`](crate::SearchStats#structfield.graph)
/// says which way a search went, and [`GraphParams::path`](crate::GraphParams#structfield.path) decides it.
///
/// Cost: that of a [`Flat`](crate::Flat) in device memory, 4 bytes an edge, and a copy of some rows (four times the root of their number) from which searches
/// set out; searches that go by a copy of the rows in 8 bits ([`GraphParams::traversal`](crate::GraphParams#structfield.traversal)) a byte an element beside. Rows of
/// i8 and u8 are read as they are, and compared with queries of their type in integers. The graph takes the search of all rows by all rows: a second for a million of 128 elements on an H100.
///
/// # Changes
/// Rows that were removed stay in the graph, as ways to others and nobody's hits, until one in five is (as a `Flat` keeps them). Then, and after rows were added
/// or replaced, the next search makes the new graph of the old one: rows that lost neighbours take those of the lost ones, new rows are searched for
/// along the edges, lead to what is found, and back. That takes a time in proportion to the rows that changed (under inner products also a pass over all rows, of which one in eight, the longest, is searched for again), and
/// as much memory as both graphs while it is made. Where more came than half of those that are left, or three of four were lost, it is made of the rows alone, as by
/// [`rebuild`](Self::rebuild). Searches that began before a change see the graph of then. A copy in 8 bits that is there grows with the rows that are added.
///
/// # Filters
/// A filter of all queries is taken along the edges: the search goes through all rows, keeps a list that is longer the fewer rows pass, and answers with
/// those that do. Where that list would be longer than there is room for (of 64 rows for k = 10, below one row in eighteen that passes), or takes longer than
/// comparing all rows, the exact search answers, as it does single queries that meet too few: an answer has min(k, rows that pass) hits.
///
/// # Accuracy
/// Distances are those of a [`Flat`](crate::Flat), to the bit; neighbours may be missed. Edges lead to every row from those that a search may
/// set out from, which take in whatever no edge leads to; a search that keeps few rows may miss it all the same. An answer is a function of the graph as it was
/// made, the query and [`ef`](Self::ef): it does not depend on the other queries of a call. A graph that was made of an earlier one depends on the
/// changes in between and on when it was searched, and finds within some two points of what a new one does (half of the rows in ten batches: 0.916 of 0.917 under L2,
/// 0.881 of 0.895 under inner products, of 4,000 rows of normal numbers; 3,000 rows without the 70 % around one of them: 0.998 of 0.998; 24 dimensions, 16 edges, `ef` 32).
///
/// # References
/// Ootomo et al., *CAGRA: Highly Parallel Graph Construction and Approximate Nearest Neighbor Search for GPUs*, arXiv 2308.15136. Changes: Singh et al.,
/// *FreshDiskANN*, arXiv 2105.09613, and batches as of Manohar et al., *ParlayANN*, arXiv 2305.04359.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Graph, GraphParams, Index, Metric, Rows, Search, SearchParams};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let index = Graph::new(&Gpu::new()?, 128, Metric::L2)?;
/// index.add(&rows)?;
/// index.build()?; // now, and not when the first search comes
/// let hits = index.search(&queries, 10)?;
/// // slower, and nearer to all that there is
/// let params = SearchParams::new().graph(GraphParams::new().ef(256));
/// let more = index.search_with(Rows::F32(&queries), 10, &params)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("CAGRA", "NSG"))]
#[derive(Debug)]
pub struct Graph(Core<GraphRows>);

impl Graph {
    /// An empty index of f32 rows, of 64 edges each.
    ///
    /// # Errors
    /// As [`Graph::with_dtype`].
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric) -> Result<Graph> {
        Graph::with_dtype(gpu, dim, metric, DType::F32)
    }

    /// An empty index of rows of any type but bits, of 64 edges each.
    ///
    /// # Errors
    /// As [`Flat::with_dtype`](crate::Flat::with_dtype).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Gpu, Graph, Metric, Search};
    /// let index = Graph::with_dtype(&Gpu::new()?, 128, Metric::Cosine, DType::F16)?;
    /// assert_eq!(index.description(), "CAGRA64");
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_dtype(gpu: &Gpu, dim: usize, metric: Metric, dtype: DType) -> Result<Graph> {
        Graph::with_degree(gpu, dim, metric, dtype, DEGREE)
    }

    /// The same of so many edges a row, 2 to 128: fewer take less memory, and a longer list for the same recall.
    ///
    /// # Errors
    /// `InvalidArgument` for another number of edges; as [`Flat::with_dtype`](crate::Flat::with_dtype).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{DType, Gpu, Graph, Metric};
    /// let index = Graph::with_degree(&Gpu::new()?, 128, Metric::L2, DType::F32, 32)?;
    /// assert_eq!(index.degree(), 32);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_degree(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        dtype: DType,
        degree: usize,
    ) -> Result<Graph> {
        let shape = Shape { degree: checked_degree(degree)? };
        Ok(Graph(Core::new(empty(gpu, dim, &metric, dtype, shape)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `Graph`; otherwise as [`read_index`](crate::read_index). Files of a graph that was
    /// made have its edges, so that nothing is made again; of rows that were removed since, or of earlier versions, they have the rows alone.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Graph};
    /// let index = Graph::read(&Gpu::new()?, "graph.nf")?;
    /// println!("{} edges a row, {} rows kept", index.degree(), index.ef());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Graph> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| Graph::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<Graph> {
        let core = Core::read(reader, |info| {
            // how many edges there are stands behind the ids
            empty(gpu, info.dim, &info.metric, info.dtype, Shape { degree: DEGREE as u32 })
        });
        core.map(Graph)
    }

    /// Makes the graph now, if it is not there: otherwise the first search that follows it does. After changes it is made of what is left of the one
    /// before, as such a search does. Of no rows there is none to make.
    ///
    /// # Errors
    /// `Unsupported` where there can be none, with the reason; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Graph::read(&Gpu::new()?, "graph.nf")?;
    /// index.build()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn build(&self) -> Result<()> {
        self.0.snapshot().rows().build()
    }

    /// Makes the graph anew of the rows as they are now, whatever there is of one. Searches that run meanwhile follow the old one, changes wait.
    ///
    /// Cost: as [`build`](Self::build) after the first [`add`](crate::Index::add). Rows that are added and removed do not ask for it: their graph is
    /// within some two points of a new one's recall, which this brings back.
    ///
    /// # Errors
    /// As [`build`](Self::build); the index is then as it was.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Graph::read(&Gpu::new()?, "graph.nf")?;
    /// index.remove(&[3, 5, 8])?;
    /// index.rebuild()?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn rebuild(&self) -> Result<()> {
        self.0.rebuild(GraphRows::rebuilt)
    }

    /// Edges of a row.
    pub fn degree(&self) -> usize {
        self.0.snapshot().rows().shape.degree as usize
    }

    /// How many of the best rows a search keeps that does not say so ([`GraphParams::ef`](crate::GraphParams#structfield.ef)): 64, unless
    /// [`set_ef`](Self::set_ef) or the file that the index was read from says otherwise.
    pub fn ef(&self) -> usize {
        self.0.snapshot().rows().ef
    }

    /// Has searches keep so many rows unless they say how many; files keep the number. Above 512 (on a software driver 256) they are exact, which
    /// [`SearchStats::graph`](crate::SearchStats#structfield.graph) counts.
    ///
    /// # Errors
    /// `InvalidArgument` for 0.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Graph::read(&Gpu::new()?, "graph.nf")?;
    /// index.set_ef(2 * index.ef())?;
    /// index.write("graph.nf".as_ref())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_ef(&self, ef: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_ef(ef))
    }
}

fn checked_degree(degree: usize) -> Result<u32> {
    match u32::try_from(degree) {
        Ok(degree @ 2..=MOST_DEGREE) => Ok(degree),
        _ => Err(Error::argument("degree", format!("{degree} edges; 2 to {MOST_DEGREE} can be"))),
    }
}

/// No rows yet.
fn empty(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType, shape: Shape) -> Result<GraphRows> {
    if dtype == DType::Bits {
        return Err(Error::unsupported("Graph", "bits, which BinaryFlat and BinaryIvf are for"));
    }
    Ok(GraphRows::new(Dataset::new(gpu, metric, dtype, dim)?, shape, EF))
}

impl Backed for Graph {
    const KIND: &str = GRAPH;

    type Rows = GraphRows;

    fn core(&self) -> &Core<GraphRows> {
        &self.0
    }

    fn of(core: Core<GraphRows>) -> Graph {
        Graph(core)
    }
}

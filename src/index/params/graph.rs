//! What a search of a graph may be told.

/// Which way a search of a [`Graph`](crate::Graph) or an [`Hnsw`](crate::Hnsw) goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphPath {
    /// That which is expected to be the faster one, by the rows that there are, `k`, `ef` and whether rows are filtered, and never by the number of
    /// queries: an answer does not depend on the batch.
    #[default]
    Auto,
    /// Along the edges, or an error where that is not possible.
    Graph,
    /// The exact search of all rows.
    Exact,
}

/// By what a search of a [`Graph`](crate::Graph) compares the rows that it meets on its way. Distances of the answer are exact either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphTraversal {
    /// The rows, or the copy of them in f16 that the exact search has.
    #[default]
    Rows,
    /// A copy of them in 8 bits, each row with a scale of its own: a quarter of what f32 takes to read, and half of f16. The first search that asks for it
    /// makes it, and it takes a byte an element of device memory; where there is no room for it, or a kernel binds too few buffers for it, the rows are
    /// read, and so are those of i8 and u8, which are as narrow. The rows that a query keeps on its way are
    /// ordered by what 8 bits leave of them, so that a few in a thousand of the nearest may be missed for it. Where 8 bits blur neighbours, as they do rows that lie close to each other and
    /// far from the origin, the rows are read.
    Bytes,
}

/// What a search of a [`Graph`](crate::Graph) or an [`Hnsw`](crate::Hnsw) may be told; each field has a setter of the same name.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, GraphParams, Rows, SearchParams, read_index};
/// let index = read_index(&Gpu::new()?, "graph.nf")?;
/// // a longer list finds more of the nearest rows, and takes longer
/// let params = SearchParams::new().graph(GraphParams::new().ef(128));
/// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
/// println!("{} steps", hits.stats().graph.steps);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphParams {
    /// How many of the best rows that were met a query keeps: `ef` and `efSearch` of HNSW, `itopk_size` of cuVS. The search ends when the edges of all
    /// of them were followed. At least k are kept, and more where rows do not pass a filter; above 512 (on a software driver 256) the search is the exact one, or an error where the path has to be the graph's. Refused is 0. Default: the
    /// index's own ([`Graph::ef`](crate::Graph::ef)).
    pub ef: Option<usize>,
    /// Steps after which a query ends with what it has, in each of which it follows the edges of up to four rows. Refused is 0. Default: so many that hardly
    /// any query ends by it ([`GraphStats::capped`](crate::GraphStats#structfield.capped) counts those that do).
    pub max_steps: Option<usize>,
    /// Which way the search goes. Default: [`GraphPath::Auto`].
    pub path: GraphPath,
    /// By what rows are compared on the way. Default: [`GraphTraversal::Rows`].
    pub traversal: GraphTraversal,
}

impl GraphParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`ef`](Self#structfield.ef).
    #[must_use]
    pub fn ef(mut self, rows: usize) -> Self {
        self.ef = Some(rows);
        self
    }

    /// Sets [`max_steps`](Self#structfield.max_steps).
    ///
    /// # Example
    /// ```
    /// use nearfield::{GraphParams, SearchParams};
    /// // a bound on the time that any query takes
    /// let params = SearchParams::new().graph(GraphParams::new().ef(64).max_steps(20));
    /// assert!(params.graph.is_some());
    /// ```
    #[must_use]
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// Sets [`path`](Self#structfield.path).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = read_index(&Gpu::new()?, "graph.nf")?;
    /// // what the edges find, even of so few rows that all of them are compared as fast
    /// let params = SearchParams::new().graph(GraphParams::new().path(GraphPath::Graph));
    /// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn path(mut self, path: GraphPath) -> Self {
        self.path = path;
        self
    }
    /// Sets [`traversal`](Self#structfield.traversal).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = read_index(&Gpu::new()?, "graph.nf")?;
    /// let params = SearchParams::new().graph(GraphParams::new().traversal(GraphTraversal::Bytes));
    /// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn traversal(mut self, of: GraphTraversal) -> Self {
        self.traversal = of;
        self
    }
}

//! What a search of inverted lists may be told.

/// What a search of inverted lists may be told, as of an [`IvfFlat`](crate::IvfFlat); each field has a setter of the same name.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, IvfParams, Rows, SearchParams, read_index};
/// let index = read_index(&Gpu::new()?, "lists.nf")?;
/// // more lists find more of the nearest rows, and take longer
/// let params = SearchParams::new().ivf(IvfParams::new().nprobe(64));
/// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
/// println!("{} rows looked at", hits.stats().ivf.rows_probed);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IvfParams {
    /// How many lists are looked at for each query: those whose centroids are nearest to it. More than there are is all of them, which is
    /// the exact search. Refused are 0 and any number beside [`Guarantee::Exact`](crate::Guarantee::Exact), for which all are looked
    /// at. Default: the index's own ([`IvfFlat::nprobe`](crate::IvfFlat::nprobe)).
    pub nprobe: Option<usize>,
    /// Whether queries that have fewer than k hits, because a filter left few rows or lists are short, go on to more lists: twice as many
    /// each time, until they have k or have seen all lists. Other queries stay as they are. Refused are a range search, which wants no
    /// number, and [`Guarantee::Exact`](crate::Guarantee::Exact), for which all lists are looked at. Default: false.
    pub fill: bool,
    /// Whether [`Hits::proved`](crate::Hits::proved) says of which queries no list that was not looked at can have a nearer row: by the
    /// distances of its nearest and farthest row from its centroid, with every rounding subtracted. Under [`Metric::L2`](crate::Metric::L2) and
    /// [`Metric::SqrtL2`](crate::Metric::SqrtL2); under others only where all lists are looked at. Refused beside
    /// [`certify`](crate::SearchParams#structfield.certify) = false. Most queries are proved where clusters stand apart by much more than
    /// they are wide; of rows that fill their space evenly, in many dimensions, hardly one is, however good the recall. Default: false.
    ///
    /// Cost: the distances of each query to all centroids, before the search begins; in the first search of an index that was read from
    /// a file or merged, those of all rows to theirs.
    pub prove: bool,
}

impl IvfParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`nprobe`](Self#structfield.nprobe).
    #[must_use]
    pub fn nprobe(mut self, lists: usize) -> Self {
        self.nprobe = Some(lists);
        self
    }

    /// Sets [`fill`](Self#structfield.fill).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// // a filter that leaves few rows of each list
    /// let params = SearchParams::new().filter(0..1000).ivf(IvfParams::new().fill(true));
    /// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
    /// assert_eq!(hits.ids().len(), 10);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn fill(mut self, on: bool) -> Self {
        self.fill = on;
        self
    }

    /// Sets [`prove`](Self#structfield.prove).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// let params = SearchParams::new().ivf(IvfParams::new().prove(true));
    /// let hits = index.search_with(Rows::F32(&[0.5; 1280]), 10, &params)?;
    /// println!("{} of {} queries miss nothing", hits.stats().ivf.proved, hits.len());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn prove(mut self, on: bool) -> Self {
        self.prove = on;
        self
    }
}

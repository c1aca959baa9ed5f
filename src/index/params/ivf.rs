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
}

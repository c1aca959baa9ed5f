//! What a search may be told of re-scoring.

/// What a search of a [`Refine`](crate::Refine) may be told; each field has a setter of the same name.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, RefineParams, Rows, SearchParams, read_index};
/// let index = read_index(&Gpu::new()?, "refined.nf")?;
/// // four times as many candidates as neighbours: what is compared exactly is more, and so is what is found
/// let params = SearchParams::new().refine(RefineParams::new().k_factor(4.0));
/// let hits = index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?;
/// println!("{} rows compared exactly", hits.stats().refine.candidates);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RefineParams {
    /// How many candidates the first stage is asked for, in neighbours: FAISS's `k_factor`. A search for k asks it for k times as many, rounded
    /// down; one by radius asks for what lies within a radius wider by it ([`Refine`](crate::Refine) says what that is). 1 or more, and finite.
    /// Default: the index's own ([`Refine::k_factor`](crate::Refine::k_factor)), which is 1 unless it was set: then the rows that the first stage
    /// would have answered with get exact distances and their order, and no others are found.
    pub k_factor: Option<f32>,
}

impl RefineParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`k_factor`](Self#structfield.k_factor).
    #[must_use]
    pub fn k_factor(mut self, times: f32) -> Self {
        self.k_factor = Some(times);
        self
    }
}

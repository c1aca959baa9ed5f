//! What goes on from the nearest rows of some queries while these are on the device.

use super::row_ids::RowIds;
use super::stats::SearchStats;
use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::Encoder;
use crate::space::Decoder;
use std::sync::Arc;

/// The nearest rows of some queries on the device.
pub(crate) struct Candidates<'a> {
    /// Which of the call's queries these are.
    pub query_ids: &'a [u32],
    /// `k` of each: all ones behind the last, and in order where the device sorts so many.
    pub keys: &'a Buffer,
    pub rows: &'a Buffer,
    pub k: u32,
    /// The queries as their distances are computed: of floats, in f32, with so many groups of four from one to the next.
    pub queries: (&'a Buffer, u32),
}

/// What is left of them.
pub(crate) struct Left {
    /// [`NextStage::k`] of each query, all ones behind the last.
    pub keys: Buffer,
    pub rows: Buffer,
    /// For each query a number that [`NextStage::count`] is told.
    pub counts: Buffer,
}

/// A stage behind a search for neighbours: it has the candidates that the search finds on the device, in the submission that finds them, so
/// that they never come to the host. The answer is then this stage's.
///
/// A search that does not know it answers with the candidates. Whoever gave it to the search sees which by [`begin`](Self::begin), which only
/// a search calls that goes on, before it returns.
pub(crate) trait NextStage: Send + Sync {
    /// Whether it goes on from `k` candidates of each query on this device.
    fn begin(&self, gpu: &Gpu, k: usize) -> bool;

    /// Hits of each query, at most.
    fn k(&self) -> usize;

    /// What their keys mean.
    fn decoder(&self) -> Arc<Decoder>;

    /// What their rows are called.
    fn row_ids(&self) -> RowIds;

    /// Queries of a submission, by what this stage takes of memory and of time.
    fn most_queries(&self) -> usize;

    /// Encodes it. Of queries that are asked again later the candidates may be anything, and so may be what is left of them.
    fn encode(&self, encoder: &mut Encoder, found: Candidates<'_>) -> Result<Left>;

    /// Adds what was done for those queries that are `wanted`, by the counts of all of a submission.
    fn count(&self, counts: &[u32], wanted: &[bool], stats: &mut SearchStats) -> Result<()>;
}

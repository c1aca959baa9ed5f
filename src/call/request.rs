//! What a search is asked besides its queries, and what it answers.

use super::cancel::CancelToken;
use super::next_stage::NextStage;
use super::row_ids::RowIds;
use super::stats::SearchStats;
use crate::device::Gpu;
use crate::space::Decoder;
use std::sync::Arc;

/// How a call runs, apart from what it asks.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Device times in the stats, at the price of a pass a stage.
    pub timed: bool,
    /// All exact distances even where the scan applies.
    pub exhaustive: bool,
    /// No certificate.
    pub fast: bool,
    pub cancel: Option<CancelToken>,
    /// Called with the share of the work that is done: 1 at the end, and shares may come again.
    pub progress: Option<Arc<dyn Fn(f64) + Send + Sync>>,
    /// Keys in the place of distances, for answers that are merged before they are told.
    pub keys: bool,
    /// What rows are called in the answer.
    pub row_ids: RowIds,
    /// What goes on from the rows that are found, if the search knows how.
    pub next: Option<Arc<dyn NextStage>>,
}

impl Options {
    /// For calls that compute all exact distances.
    pub fn dense() -> Options {
        Options { exhaustive: true, ..Options::default() }
    }

    /// Has the next stage go on from `k` rows of each query on this device, if there is one and it can; otherwise the answer is these rows.
    pub fn begin_next(&mut self, gpu: &Gpu, k: usize) {
        // what is merged first is no candidate yet
        let merged = self.keys;
        self.next = self.next.take().filter(|next| !merged && next.begin(gpu, k));
    }

    /// Queries of a submission, `most` at most.
    pub fn at_most(&self, most: usize) -> usize {
        self.next.as_ref().map_or(most, |next| most.min(next.most_queries()).max(1))
    }

    /// Says how much of the work is done.
    pub fn tell(&self, share: f64) {
        if let Some(progress) = &self.progress {
            progress(share);
        }
    }

    /// Has the decoder keep keys, where they are asked for.
    pub fn keep(&self, decoder: &mut Arc<Decoder>) {
        if self.keys {
            *decoder = Arc::new(decoder.keeping());
        }
    }
}

/// Ids and distances of all queries' hits, nearest first: those of query i in `lims[i]..lims[i + 1]`. Ids are those of
/// [`Options::row_ids`]. Where [`Options::keys`] says so, a distance has the bits of its key.
#[derive(Debug, Default)]
pub(crate) struct RowHits {
    pub lims: Vec<usize>,
    pub ids: Vec<u64>,
    pub distances: Vec<f32>,
    /// Of which queries it is proved that nothing else is nearer; empty where nobody asked.
    pub proved: Vec<bool>,
    pub stats: SearchStats,
}

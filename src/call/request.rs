//! What a search is asked besides its queries, and what it answers.

use super::pending::CancelToken;
use super::stats::SearchStats;
use crate::space::Decoder;
use std::sync::Arc;

/// Words of a bitmap that has a bit a row.
pub(crate) fn mask_words(rows: u64) -> usize {
    rows.div_ceil(32) as usize
}

/// Which rows take part.
#[derive(Clone, Debug, Default)]
pub(crate) enum Filter {
    /// All.
    #[default]
    All,
    /// Those whose bit is 1, for every query.
    Shared(Vec<u32>),
    /// For query q those whose bit is 1 in words `q * mask_words(n)` on.
    PerQuery(Vec<u32>),
}

impl Filter {
    /// Whether no row takes part for any query.
    pub fn leaves_none(&self) -> bool {
        match self {
            Filter::All => false,
            Filter::Shared(words) | Filter::PerQuery(words) => words.iter().all(|&word| word == 0),
        }
    }
}

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
    /// Called with the share of the work that is done.
    pub progress: Option<Arc<dyn Fn(f64) + Send + Sync>>,
    /// Keys in the place of distances, for answers that are merged before they are told.
    pub keys: bool,
}

impl Options {
    /// For calls that compute all exact distances.
    pub fn dense() -> Options {
        Options { exhaustive: true, ..Options::default() }
    }

    /// Has the decoder keep keys, where they are asked for.
    pub fn keep(&self, decoder: &mut Arc<Decoder>) {
        if self.keys {
            *decoder = Arc::new(decoder.keeping());
        }
    }
}

/// Rows and distances of all queries, nearest first: those of query i in `lims[i]..lims[i + 1]`. Where
/// [`Options::keys`] says so, a distance has the bits of its key.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub lims: Vec<usize>,
    pub rows: Vec<u32>,
    pub distances: Vec<f32>,
    pub stats: SearchStats,
}

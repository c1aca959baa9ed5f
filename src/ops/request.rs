//! What a search is asked besides its queries, and what it answers.

use super::base::Base;
use super::pending::CancelToken;
use super::stats::SearchStats;
use super::{mask, mask_words};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::kernel::Encoder;
use crate::space::Decoder;
use std::sync::Arc;

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

/// A filter on the device.
pub(crate) struct Prepared {
    pub biases: Option<Vec<Buffer>>,
    per_query: Vec<u32>,
    words: usize,
}

impl Prepared {
    pub fn new(base: &Base, filter: Filter, queries: usize) -> Result<Prepared> {
        let words = mask_words(base.len());
        let (biases, per_query) = match filter {
            Filter::All => (None, Vec::new()),
            Filter::Shared(_) if base.len() == 0 => (None, Vec::new()),
            Filter::Shared(live) => (Some(mask::biases(base, &live)?), Vec::new()),
            Filter::PerQuery(bits) if bits.len() == words * queries => (None, bits),
            Filter::PerQuery(bits) => {
                let got = bits.len();
                let why = format!("{got} words, not {words} for each of {queries} queries");
                return Err(Error::argument("filter", why));
            }
        };
        Ok(Prepared { biases, per_query, words })
    }

    /// The bitmaps of some queries.
    pub fn bitmap(&self, which: &[u32], encoder: &mut Encoder) -> Result<Option<Buffer>> {
        if self.per_query.is_empty() {
            return Ok(None);
        }
        if let Some(&first) = which.first()
            && which.iter().enumerate().all(|(i, &q)| q as usize == first as usize + i)
        {
            let bits = &self.per_query[first as usize * self.words..][..which.len() * self.words];
            return encoder.upload("query filters", bytemuck::cast_slice(bits)).map(Some);
        }
        let mut bits = Vec::with_capacity(which.len() * self.words);
        for &q in which {
            bits.extend_from_slice(&self.per_query[q as usize * self.words..][..self.words]);
        }
        encoder.upload("query filters", bytemuck::cast_slice(&bits)).map(Some)
    }
}

//! What is asked, what the answer is held to, and who is told how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Called with the share of a call's work that is done, from 0 to 1.
///
/// # Example
/// ```
/// use nearfield::{AddParams, Progress, SearchParams};
/// let bar: Progress = std::sync::Arc::new(|share| eprint!("\r{:3.0} %", 100.0 * share));
/// // one for both; the setters take a closure as it is
/// let (mut adding, mut searching) = (AddParams::new(), SearchParams::new());
/// (adding.progress, searching.progress) = (Some(bar.clone()), Some(bar));
/// ```
pub type Progress = Arc<dyn Fn(f64) + Send + Sync>;

/// What the answer of a search is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guarantee {
    /// What the index promises; of [`IvfFlat`](crate::IvfFlat), [`IvfSq`](crate::IvfSq), [`IvfPq`](crate::IvfPq) and [`IvfRaBitQ`](crate::IvfRaBitQ):
    /// the nearest rows of the lists that are looked at; of [`Flat`](crate::Flat), [`BinaryFlat`](crate::BinaryFlat) and [`StreamedFlat`](crate::StreamedFlat): every one of the
    /// nearest rows.
    #[default]
    Index,
    /// Every one of the nearest rows, whatever the index promises; an index that cannot do that refuses it. Of an
    /// [`IvfPq`](crate::IvfPq), and an [`IvfSq`](crate::IvfSq) that keeps codes alone, of the rows as they are decoded, of an
    /// [`IvfRaBitQ`](crate::IvfRaBitQ) that keeps codes alone by its estimates: what encoding lost no search can tell; of a [`Refine`](crate::Refine) of its rows, all of which
    /// are compared.
    Exact,
}

/// What a search asks for each of its queries.
#[derive(Clone, Copy, Debug)]
pub(in crate::index) enum Ask {
    /// So many nearest rows, not 0.
    Nearest(usize),
    /// All rows within a radius.
    Within(f32),
}

impl Ask {
    /// With one more neighbour, of whom one may be left out.
    pub fn and_one(self) -> Ask {
        match self {
            // none is refused by whoever searches
            Ask::Nearest(k) if k > 0 => Ask::Nearest(k.saturating_add(1)),
            other => other,
        }
    }

    /// How many neighbours, of a search for so many.
    pub fn k(self) -> Option<usize> {
        match self {
            Ask::Nearest(k) => Some(k),
            Ask::Within(_) => None,
        }
    }
}

/// Tells each share once, and none again that is less.
pub(in crate::index) fn rising(progress: Progress) -> Progress {
    // the bits of numbers that are not negative are in their order
    let told = AtomicU64::new(0);
    Arc::new(move |share: f64| {
        if told.fetch_max(share.to_bits(), Ordering::Relaxed) < share.to_bits() {
            progress(share);
        }
    })
}

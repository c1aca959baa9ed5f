//! What a search may be told beside its queries.

use super::filter::{IdFilter, QueryFilter};
use crate::call::{CancelToken, Options};
use std::fmt;
use std::sync::Arc;

/// Called with the share of a call's work that is done, from 0 to 1.
pub type Progress = Arc<dyn Fn(f64) + Send + Sync>;

/// What a search for k neighbours promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// The k nearest rows, every one of them.
    #[default]
    Exact,
    /// The k nearest of the rows in the k bins that score best, without a certificate that no other bin holds a nearer
    /// one; distances and their order are exact. A row is missed only where another row is so near to it that the
    /// rounding of a score decides: recall is 0.999 or better on rows without near-duplicates (tests/precision.rs).
    /// Saves time where many rows are nearly equal, since queries that cannot be certified are run again otherwise; else
    /// a few per cent.
    Fast,
}

/// What a search may be told beside its queries; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::{IdFilter, SearchParams};
/// let params = SearchParams::new().filter(IdFilter::range(0, 1000)).timed(true);
/// assert!(params.timed && params.query_filter.is_none());
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct SearchParams {
    /// The ids that may be found, the same for all queries. Default: all.
    pub filter: Option<IdFilter>,
    /// The ids that each query may find; where [`filter`](Self::filter) is set too, an id has to pass both. Default: all.
    pub query_filter: Option<QueryFilter>,
    /// Whether [`SearchStats::times`](crate::SearchStats::times) tells the device time of each stage, where the
    /// adapter has timestamps; costs a little of it. Default: false.
    pub timed: bool,
    /// Whether to compute every exact distance instead of the binned scan's candidates alone. Changes no answer, only
    /// the time it takes; for measurements and tests. Default: false.
    pub exhaustive: bool,
    /// What a search for k neighbours promises; a range search is always exact. Default: exact.
    pub precision: Precision,
    /// Called now and then with the share of the work that is done, by the thread that waits; of a
    /// [`StreamedFlat`](crate::StreamedFlat) by one of its own. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) at its next submission. Default: none.
    pub cancel: Option<CancelToken>,
}

impl SearchParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`filter`](Self#structfield.filter).
    #[must_use]
    pub fn filter(mut self, filter: IdFilter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Sets [`query_filter`](Self#structfield.query_filter).
    #[must_use]
    pub fn query_filter(mut self, filter: QueryFilter) -> Self {
        self.query_filter = Some(filter);
        self
    }

    /// Sets [`timed`](Self#structfield.timed).
    #[must_use]
    pub fn timed(mut self, on: bool) -> Self {
        self.timed = on;
        self
    }

    /// Sets [`exhaustive`](Self#structfield.exhaustive).
    #[must_use]
    pub fn exhaustive(mut self, on: bool) -> Self {
        self.exhaustive = on;
        self
    }

    /// Sets [`precision`](Self#structfield.precision).
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets [`progress`](Self#structfield.progress).
    #[must_use]
    pub fn progress(mut self, call: impl Fn(f64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(call));
        self
    }

    /// Sets [`cancel`](Self#structfield.cancel).
    #[must_use]
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    pub(super) fn options(&self) -> Options {
        Options {
            timed: self.timed,
            exhaustive: self.exhaustive,
            fast: self.precision == Precision::Fast,
            cancel: self.cancel.clone(),
            progress: self.progress.clone(),
            ..Options::default()
        }
    }
}

impl fmt::Debug for SearchParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchParams")
            .field("filter", &self.filter)
            .field("query_filter", &self.query_filter)
            .field("timed", &self.timed)
            .field("exhaustive", &self.exhaustive)
            .field("precision", &self.precision)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

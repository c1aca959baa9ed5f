//! What adding rows may be told beside them.

use super::params::{Progress, rising};
use crate::call::CancelToken;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::format::RowSource;
use std::fmt;
use std::sync::Arc;

/// What adding rows may be told beside them; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::{AddParams, CancelToken};
/// let (ids, cancel) = ([7, 3], CancelToken::new());
/// let params = AddParams::new().ids(&ids).cancel(&cancel).progress(|share| println!("{share}"));
/// assert_eq!(params.ids, Some(&[7, 3][..]));
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct AddParams<'a> {
    /// The ids of the rows, as many as they are, in any order and with any gaps. An id that was removed may come back.
    /// Default: those that follow the largest id that was ever in the index.
    pub ids: Option<&'a [u64]>,
    /// Called between blocks of up to 32 MiB with the share of the rows that the device has got, which grows, and with 1 once the
    /// rows are in the index; by the thread that adds. Of a stream that does not say how long it is, with 1 alone. It must not
    /// change the index itself. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) before its next block; then nothing has changed.
    /// Default: none.
    pub cancel: Option<CancelToken>,
}

impl<'a> AddParams<'a> {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`ids`](Self#structfield.ids).
    #[must_use]
    pub fn ids(mut self, ids: &'a [u64]) -> Self {
        self.ids = Some(ids);
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

    /// `Err(Cancelled)` once somebody has cancelled.
    pub(super) fn check(&self) -> Result<()> {
        self.cancel.as_ref().map_or(Ok(()), CancelToken::check)
    }
}

impl fmt::Debug for AddParams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddParams")
            .field("ids", &self.ids.map(<[u64]>::len))
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

/// The rows of a source, each block of which may be told of or be the last.
pub(super) struct Watched<'a> {
    source: &'a mut dyn RowSource,
    params: &'a AddParams<'a>,
    progress: Option<Progress>,
    /// Rows that the source said it has.
    total: Option<u64>,
    done: u64,
}

impl<'a> Watched<'a> {
    pub fn new(source: &'a mut dyn RowSource, params: &'a AddParams<'a>) -> Self {
        let (total, progress) = (source.remaining(), params.progress.clone().map(rising));
        Watched { source, params, progress, total, done: 0 }
    }

    /// Tells that all is done.
    pub fn finish(&self) {
        self.tell(1.0);
    }

    fn tell(&self, share: f64) {
        if let Some(progress) = &self.progress {
            progress(share);
        }
    }
}

impl RowSource for Watched<'_> {
    fn dtype(&self) -> DType {
        self.source.dtype()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        // all of them are not all that there is to do, and a source may have more than it said
        if let Some(total) = self.total.filter(|&total| self.done < total) {
            self.tell(self.done as f64 / total as f64);
        }
        self.params.check()?;
        let dim = self.source.dim();
        let rows = self.source.next_rows(max_rows)?;
        if let Some(rows) = &rows {
            self.done += rows.count(dim)? as u64;
        }
        Ok(rows)
    }
}

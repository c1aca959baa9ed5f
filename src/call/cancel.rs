//! The end of a call that somebody else asks for.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels the calls that were given a clone of it.
///
/// A cancelled call ends with [`Error::Cancelled`] at its next submission; what is on the device finishes.
///
/// # Example
/// ```no_run
/// use nearfield::{CancelToken, Error, Flat, Gpu, Metric, Rows, Search, SearchParams};
/// let index = Flat::new(&Gpu::new()?, 3, Metric::L2)?;
/// let token = CancelToken::new();
/// let params = SearchParams::new().cancel(&token);
/// std::thread::spawn(move || token.cancel());
/// match index.search_with(Rows::F32(&[0.0; 3000]), 10, &params) {
///     Ok(hits) => println!("{} queries were answered before", hits.len()),
///     Err(Error::Cancelled) => println!("cancelled"),
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    /// Cancels this one, too.
    parent: Option<CancelToken>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels.
    pub fn cancel(&self) {
        self.0.set.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let above = || self.0.parent.as_ref().is_some_and(CancelToken::is_cancelled);
        self.0.set.load(Ordering::Relaxed) || above()
    }

    /// A token that is cancelled by itself or with `parent`.
    pub(crate) fn below(parent: Option<CancelToken>) -> CancelToken {
        CancelToken(Arc::new(Flag { set: AtomicBool::new(false), parent }))
    }

    /// `Err(Cancelled)` once it was cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

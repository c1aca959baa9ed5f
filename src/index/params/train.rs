//! What training may be told beside the sample.

use super::ask::Progress;
use crate::call::CancelToken;
use crate::clustering::KMeansParams;
use std::fmt;
use std::sync::Arc;

/// What [`Index::train_with`](crate::Index::train_with) may be told beside the sample; each field has a setter of the same name.
///
/// # Example
/// ```no_run
/// use nearfield::{CancelToken, Gpu, Index, IvfFlat, KMeansParams, Metric, Rows, TrainParams};
/// # let rows = [0.0; 20_000];
/// let index = IvfFlat::new(&Gpu::new()?, 2, Metric::L2, 64)?;
/// let cancel = CancelToken::new(); // for another thread
/// let params = TrainParams::new().cancel(&cancel).progress(|share| println!("{share}"));
/// // lists of like sizes, of more iterations than FAISS makes
/// let params = params.kmeans(KMeansParams::new().niter(25).balance(true).seed(7));
/// index.train_with(Rows::F32(&rows), &params)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct TrainParams {
    /// How the centroids of lists are found; those of cosine always have length 1. Its own progress and cancel count where there are none
    /// here. Default: as FAISS trains lists, 10 iterations of at most 256 rows a list, on the unit sphere for
    /// [`Metric::InnerProduct`](crate::Metric::InnerProduct).
    pub kmeans: Option<KMeansParams>,
    /// How the centroids of the parts of product codes are found ([`Pq`](crate::Pq), [`IvfPq`](crate::IvfPq)); others have no use for
    /// it. Its own progress and cancel count where there are none here. Default: as FAISS trains them, 25 iterations of at most 256 rows a centroid.
    pub codes: Option<KMeansParams>,
    /// Called after each iteration with the share of the work that is done, and with 1 once the index is trained; by the thread that
    /// trains. It must not change the index itself. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) before its next iteration; then nothing has changed. Default: none.
    pub cancel: Option<CancelToken>,
}

impl TrainParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`kmeans`](Self#structfield.kmeans).
    #[must_use]
    pub fn kmeans(mut self, params: KMeansParams) -> Self {
        self.kmeans = Some(params);
        self
    }

    /// Sets [`codes`](Self#structfield.codes).
    ///
    /// # Example
    /// ```
    /// use nearfield::{KMeansParams, TrainParams};
    /// let params = TrainParams::new().codes(KMeansParams::new().niter(10));
    /// ```
    #[must_use]
    pub fn codes(mut self, params: KMeansParams) -> Self {
        self.codes = Some(params);
        self
    }

    /// The same of a part of the work, which goes from one share of the whole to another.
    pub(in crate::index) fn part(&self, from: f64, to: f64) -> Self {
        let part = |whole: Progress| -> Progress {
            Arc::new(move |share| whole(from + (to - from) * share))
        };
        TrainParams { progress: self.progress.clone().map(part), ..self.clone() }
    }

    /// The parameters of a clustering, with the progress and the cancel that are here.
    pub(in crate::index) fn told(&self, kmeans: KMeansParams) -> KMeansParams {
        KMeansParams {
            progress: self.progress.clone().or(kmeans.progress),
            cancel: self.cancel.clone().or(kmeans.cancel),
            ..kmeans
        }
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
}

impl fmt::Debug for TrainParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainParams")
            .field("kmeans", &self.kmeans)
            .field("codes", &self.codes)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

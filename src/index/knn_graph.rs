//! The public call that makes a k-NN graph, exactly or through lists.

use super::ivf::learnt_of;
use super::params::{Progress, TrainParams, rising};
use crate::buffer::Matrix;
use crate::call::{CancelToken, Options};
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::graph::{self, Among, KnnGraph};
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use std::fmt;
use std::sync::Arc;

/// How much of the work learning the lists is said to be.
const LEARNING_SHARE: f64 = 0.1;

/// What [`knn_graph`] may be told; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::{CancelToken, KnnGraphParams};
/// let token = CancelToken::new(); // for another thread
/// let params = KnnGraphParams::new().cancel(&token).progress(|share| println!("{share}"));
/// assert_eq!(params.approximate, None);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct KnnGraphParams {
    /// Through inverted lists, as of an [`IvfFlat`](crate::IvfFlat): so many lists, of which those that are nearest to a row, as many as the
    /// second number says, are looked at for its neighbours. Default: exactly, among all rows.
    pub approximate: Option<(usize, usize)>,
    /// Called with the share of the work that is done, which rises, and with 1 at the end; it must not wait for another call of the same
    /// [`Gpu`](crate::Gpu) on another thread. Default: nothing.
    pub progress: Option<Progress>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) at its next submission. Default: none.
    pub cancel: Option<CancelToken>,
}

impl KnnGraphParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`approximate`](Self#structfield.approximate). For n rows some `4 sqrt(n)` lists are usual.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, KnnGraphParams, Matrix, Metric, Rows, knn_graph};
    /// # let rows = vec![0.5; 128 << 20];
    /// let rows = Matrix::from_rows(&Gpu::new()?, 128, Rows::F32(&rows))?;
    /// let params = KnnGraphParams::new().approximate(4096, 32);
    /// let graph = knn_graph(&rows, &Metric::L2, 32, &params)?;
    /// println!("{:?}", graph.stats.ivf);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn approximate(mut self, nlist: usize, nprobe: usize) -> Self {
        self.approximate = Some((nlist, nprobe));
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
}

impl fmt::Debug for KnnGraphParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnnGraphParams")
            .field("approximate", &self.approximate)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

/// Finds the `k` nearest other rows of each row of a matrix: what graph indexes are pruned from, and what UMAP and spectral clustering begin with.
///
/// A row is left out of its own neighbours by its number, and not for its distance: of rows that are equal each is a neighbour of the others,
/// and under [`Metric::InnerProduct`], where a row need not be the nearest to itself, no other is left out for it. Rows of every
/// type and every metric that a [`Flat`](crate::Flat), or of bits a [`BinaryFlat`](crate::BinaryFlat), takes; `k` may be more than there
/// are other rows.
///
/// Cost: n (n - 1) distances, or with [`approximate`](KnnGraphParams#structfield.approximate) n times those of the lists that are looked at, the
/// training of the lists, and finding the list of each row. Device memory as a [`Flat`](crate::Flat) of the matrix has beside the rows themselves,
/// which are shared, and what a search takes; 8 n k bytes of host memory, and some 100 MB. The rows are queries where they lie on the device. Those of
/// bytes, of bits, under [`Metric::Cosine`] and [`Metric::CosineDistance`], and all with `approximate` are brought to the host and back, a block at
/// a time.
///
/// # Errors
/// Before the work: `InvalidArgument` for a `k` of 0, for `approximate` of 0 lists, of more lists than rows, or that looks at none, for what the metric
/// does not take, and where host memory does not hold the graph; `NonFinite` and `InvalidValue` for rows that the metric refuses, with `approximate` for
/// NaN whatever the metric but [`Metric::NanEuclidean`] and [`Metric::Gower`]; `OutOfDeviceMemory`, `LimitExceeded`. Later: `Cancelled`, `DeviceLost`.
///
/// # Accuracy
/// Ids and distances are those of a [`Flat`](crate::Flat) whose rows search for each other
/// ([`exclude_self`](crate::SearchParams::exclude_self)), to the bit: the first k by (ordering key, row number), however the rows are cut into blocks.
/// With `approximate` those of an [`IvfFlat`](crate::IvfFlat), which may miss a neighbour in a list that is not looked at; rows that find fewer than k look at
/// more lists ([`fill`](crate::IvfParams#structfield.fill)), and where all lists are looked at the graph is exact. Two calls give the same on one adapter.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, KnnGraph, KnnGraphParams, Matrix, Metric, Rows, knn_graph};
/// let rows = Matrix::from_rows(&Gpu::new()?, 1, Rows::F32(&[0.0, 1.0, 1.0, 5.0]))?;
/// let graph = knn_graph(&rows, &Metric::L2, 2, &KnnGraphParams::new())?;
/// assert_eq!(graph.ids, [1, 2, 2, 0, 1, 0, 1, 2]);
/// assert_eq!(graph.distances, [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 16.0, 16.0]);
/// // of so few rows each has three neighbours, and no fourth
/// let all = knn_graph(&rows, &Metric::L2, 4, &KnnGraphParams::new())?;
/// assert_eq!(all.ids[..4], [1, 2, 3, KnnGraph::NONE]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("kneighbors_graph", "all_neighbors", "nn_descent", "build_knn_graph"))]
pub fn knn_graph(
    rows: &Matrix,
    metric: &Metric,
    k: usize,
    params: &KnnGraphParams,
) -> Result<KnnGraph> {
    if k == 0 {
        return Err(Error::argument("k", "0 neighbours are no graph"));
    }
    let empty = Dataset::new(rows.gpu(), metric, rows.dtype(), rows.dim())?;
    check_lists(params.approximate, rows.len())?;
    let cancelled = || params.cancel.as_ref().map_or(Ok(()), CancelToken::check);
    cancelled()?;
    let graph = KnnGraph::without_edges(rows.len(), k, metric.order())?;
    let dataset = empty.append_matrix(rows)?;
    graph::check(&dataset, k)?;
    cancelled()?;
    let progress = params.progress.clone().map(rising);
    let block = graph::block_rows(rows.dtype(), rows.dim(), k);
    let mut options = Options { cancel: params.cancel.clone(), ..Options::default() };
    let Some((nlist, nprobe)) = params.approximate.filter(|_| !rows.is_empty()) else {
        options.progress = progress;
        return graph::neighbors(graph, &Among::All(&dataset), block, &options);
    };
    let part = |from: f64, to: f64| {
        let progress = progress.clone();
        progress.map(|whole| Arc::new(move |share| whole(from + (to - from) * share)) as Progress)
    };
    let training = TrainParams {
        progress: part(0.0, LEARNING_SHARE),
        cancel: params.cancel.clone(),
        ..TrainParams::new()
    };
    let lists = learnt_of(&InvertedLists::of(dataset, nlist)?, rows, &training)?;
    options.progress = part(LEARNING_SHARE, 1.0);
    graph::neighbors(graph, &Among::Lists(&lists, nprobe), block, &options)
}

/// Refuses lists that there cannot be.
fn check_lists(approximate: Option<(usize, usize)>, rows: usize) -> Result<()> {
    let why = match approximate {
        Some((0, _)) => "0 lists hold no row".to_owned(),
        Some((_, 0)) => "0 lists that are looked at hold no neighbour".to_owned(),
        Some((nlist, _)) if rows > 0 && nlist > rows => format!("{nlist} lists of {rows} rows"),
        _ => return Ok(()),
    };
    Err(Error::argument("approximate", why))
}

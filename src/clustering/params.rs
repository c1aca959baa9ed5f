//! What k-means may be told.

use crate::call::CancelToken;
use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Where the centroids begin.
///
/// # Example
/// ```
/// use nearfield::KMeansInit;
/// assert_eq!("kmeans++".parse::<KMeansInit>()?, KMeansInit::KMeansPlusPlus);
/// assert_eq!(KMeansInit::default().to_string(), "random");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KMeansInit {
    /// At different points, each as likely as any other.
    #[default]
    Random,
    /// At points one after the other, each with the probability of its squared distance from the nearest of those before (k-means++; Arthur,
    /// Vassilvitskii 2007), whatever the metric. Reads all points once for each centroid.
    KMeansPlusPlus,
}

impl FromStr for KMeansInit {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "random" => Ok(KMeansInit::Random),
            "kmeans++" | "k-means++" | "plusplus" => Ok(KMeansInit::KMeansPlusPlus),
            _ => Err(Error::argument("init", format!("{name:?} is neither random nor kmeans++"))),
        }
    }
}

impl fmt::Display for KMeansInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KMeansInit::Random => "random",
            KMeansInit::KMeansPlusPlus => "kmeans++",
        })
    }
}

/// What [`kmeans`](crate::kmeans) may be told; each field has a setter of the same name. Names and defaults are FAISS's.
///
/// # Example
/// ```
/// use nearfield::{CancelToken, KMeansInit, KMeansParams};
/// let params = KMeansParams::new().niter(10).init(KMeansInit::KMeansPlusPlus);
/// assert_eq!((params.niter, params.nredo, params.seed), (10, 1, 1234));
///
/// let token = CancelToken::new(); // for another thread
/// // the best of three trials, each until less than a thousandth is won; few points a centroid are meant
/// let trials = params.nredo(3).seed(7).early_stop_threshold(1e-3).min_points_per_centroid(1).cancel(&token);
/// // lists that are searched: clusters of like sizes, on the unit sphere, and which list each point is in
/// let lists = KMeansParams::new().balance(true).spherical(true).assignments(true);
/// // the first point counts twice, the second not at all
/// let weighted = KMeansParams::new().weights([2.0, 0.0, 1.0]);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct KMeansParams {
    /// Iterations. Default: 25.
    pub niter: usize,
    /// How often to begin anew, with other random numbers; the centroids of the best objective are kept. Default: 1.
    pub nredo: usize,
    /// What the random numbers come from. Default: 1234.
    pub seed: u64,
    /// Whether centroids are brought to length 1 after each iteration; those of [`Metric::Cosine`](crate::Metric::Cosine) and
    /// [`Metric::CosineDistance`](crate::Metric::CosineDistance) always are. Default: false.
    pub spherical: bool,
    /// Fewer points a centroid than that are warned about, by `log`. Default: 39.
    pub min_points_per_centroid: usize,
    /// Of more points a centroid than that, a random choice of so many is trained on. Default: 256.
    pub max_points_per_centroid: usize,
    /// The first centroids, row-major; the others are begun with points. Default: none.
    pub centroids: Vec<f32>,
    /// Whether those stay as they are, to the bit. Default: false.
    pub frozen_centroids: bool,
    /// A weight for each point, 0 or more: as many as there are points, or none for all the same. They scale what a point adds to its
    /// centroid and to the objective. Default: none.
    pub weights: Vec<f32>,
    /// Where the other centroids begin. Default: at random points.
    pub init: KMeansInit,
    /// The share of the objective by which it has to change for another iteration. At 0 they end where it is unchanged. Default: 0.
    pub early_stop_threshold: f64,
    /// Whether clusters of less than a quarter of the mean size are moved into large ones, as cuVS's balanced k-means does; each other such
    /// step adds an iteration. No guarantee: clusters come nearer to each other in size. Default: false.
    pub balance: bool,
    /// Whether [`KMeans::assignments`](crate::KMeans::assignments) tells the centroid of each point, of those that were not trained on,
    /// too. Default: false.
    pub assignments: bool,
    /// Called after each iteration with the share of the work that is done. Default: nothing.
    pub progress: Option<Arc<dyn Fn(f64) + Send + Sync>>,
    /// Ends the call with [`Error::Cancelled`](crate::Error::Cancelled) before its next iteration. Default: none.
    pub cancel: Option<CancelToken>,
}

impl KMeansParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`niter`](Self#structfield.niter).
    #[must_use]
    pub fn niter(mut self, iterations: usize) -> Self {
        self.niter = iterations;
        self
    }

    /// Sets [`nredo`](Self#structfield.nredo).
    #[must_use]
    pub fn nredo(mut self, times: usize) -> Self {
        self.nredo = times;
        self
    }

    /// Sets [`seed`](Self#structfield.seed).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets [`spherical`](Self#structfield.spherical).
    #[must_use]
    pub fn spherical(mut self, on: bool) -> Self {
        self.spherical = on;
        self
    }

    /// Sets [`min_points_per_centroid`](Self#structfield.min_points_per_centroid).
    #[must_use]
    pub fn min_points_per_centroid(mut self, points: usize) -> Self {
        self.min_points_per_centroid = points;
        self
    }

    /// Sets [`max_points_per_centroid`](Self#structfield.max_points_per_centroid).
    ///
    /// # Example
    /// ```
    /// use nearfield::KMeansParams;
    /// // trains on every point
    /// let params = KMeansParams::new().max_points_per_centroid(usize::MAX);
    /// ```
    #[must_use]
    pub fn max_points_per_centroid(mut self, points: usize) -> Self {
        self.max_points_per_centroid = points;
        self
    }

    /// Sets [`centroids`](Self#structfield.centroids).
    ///
    /// # Example
    /// ```
    /// use nearfield::KMeansParams;
    /// // two centroids of three dimensions that stay, and others that are found
    /// let params = KMeansParams::new().centroids(vec![0.0; 6]).frozen_centroids(true);
    /// ```
    #[must_use]
    pub fn centroids(mut self, first: impl Into<Vec<f32>>) -> Self {
        self.centroids = first.into();
        self
    }

    /// Sets [`frozen_centroids`](Self#structfield.frozen_centroids).
    #[must_use]
    pub fn frozen_centroids(mut self, on: bool) -> Self {
        self.frozen_centroids = on;
        self
    }

    /// Sets [`weights`](Self#structfield.weights).
    #[must_use]
    pub fn weights(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets [`init`](Self#structfield.init).
    #[must_use]
    pub fn init(mut self, init: KMeansInit) -> Self {
        self.init = init;
        self
    }

    /// Sets [`early_stop_threshold`](Self#structfield.early_stop_threshold).
    #[must_use]
    pub fn early_stop_threshold(mut self, share: f64) -> Self {
        self.early_stop_threshold = share;
        self
    }

    /// Sets [`balance`](Self#structfield.balance).
    #[must_use]
    pub fn balance(mut self, on: bool) -> Self {
        self.balance = on;
        self
    }

    /// Sets [`assignments`](Self#structfield.assignments).
    #[must_use]
    pub fn assignments(mut self, on: bool) -> Self {
        self.assignments = on;
        self
    }

    /// Sets [`progress`](Self#structfield.progress).
    ///
    /// # Example
    /// ```
    /// use nearfield::KMeansParams;
    /// let params = KMeansParams::new().progress(|share| eprint!("\r{:3.0} %", 100.0 * share));
    /// ```
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

    /// How many centroids are given, for `k` of `dim` elements; refuses what contradicts itself or the `points`.
    pub(super) fn check(&self, points: u64, k: usize, dim: usize) -> Result<usize> {
        let given = self.centroids.len() / dim;
        let fault = if self.nredo == 0 {
            ("nredo", "0 trials leave no centroids".to_owned())
        } else if !self.centroids.len().is_multiple_of(dim) {
            ("centroids", format!("{} elements, {dim} a centroid", self.centroids.len()))
        } else if given > k {
            ("centroids", format!("{given} of {k}"))
        } else if self.frozen_centroids && given == 0 {
            ("frozen_centroids", "no centroids are given that could stay".to_owned())
        } else if self.early_stop_threshold.is_nan() || self.early_stop_threshold < 0.0 {
            ("early_stop_threshold", format!("{} is no share", self.early_stop_threshold))
        } else if self.max_points_per_centroid == 0 {
            ("max_points_per_centroid", "0 points have no centroid".to_owned())
        } else if !self.weights.is_empty() && self.weights.len() as u64 != points {
            ("weights", format!("{} for {points} points", self.weights.len()))
        } else if let Some(bad) = self.weights.iter().find(|w| !(0.0..=f32::MAX).contains(*w)) {
            ("weights", format!("{bad} is no weight"))
        } else if !self.weights.is_empty() && self.weights.iter().all(|&w| w == 0.0) {
            ("weights", "all are 0".to_owned())
        } else {
            return Ok(given);
        };
        Err(Error::argument(fault.0, fault.1))
    }
}

impl Default for KMeansParams {
    fn default() -> Self {
        KMeansParams {
            niter: 25,
            nredo: 1,
            seed: 1234,
            spherical: false,
            min_points_per_centroid: 39,
            max_points_per_centroid: 256,
            centroids: Vec::new(),
            frozen_centroids: false,
            weights: Vec::new(),
            init: KMeansInit::Random,
            early_stop_threshold: 0.0,
            balance: false,
            assignments: false,
            progress: None,
            cancel: None,
        }
    }
}

impl fmt::Debug for KMeansParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KMeansParams")
            .field("niter", &self.niter)
            .field("nredo", &self.nredo)
            .field("seed", &self.seed)
            .field("spherical", &self.spherical)
            .field("min_points_per_centroid", &self.min_points_per_centroid)
            .field("max_points_per_centroid", &self.max_points_per_centroid)
            .field("centroids", &self.centroids.len())
            .field("frozen_centroids", &self.frozen_centroids)
            .field("weights", &self.weights.len())
            .field("init", &self.init)
            .field("early_stop_threshold", &self.early_stop_threshold)
            .field("balance", &self.balance)
            .field("assignments", &self.assignments)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

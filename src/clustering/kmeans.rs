//! The call, and its answer.

use super::assign::{self, How, assign};
use super::flights::Flights;
use super::lloyd::{Lloyd, Trial};
use super::params::KMeansParams;
use super::points::{Points, weight_scale};
use super::update::Centroids;
use super::{sample, start};
use crate::buffer::Matrix;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::facts;
use crate::kernel::{Encoder, words};
use crate::metric::{Metric, Order};
use crate::space;
use std::fmt;

/// What [`kmeans`] found.
#[derive(Clone)]
#[non_exhaustive]
pub struct KMeans {
    /// The centroids, row-major.
    pub centroids: Vec<f32>,
    /// How many.
    pub k: usize,
    /// Elements of each.
    pub dim: usize,
    /// How many points they were trained on.
    pub points: usize,
    /// The sum of the distances of all points that were trained on from their centroids, each times the point's weight, of similarities where the
    /// metric is one: of the assignment that each iteration began with, and last of the centroids that are returned. Of
    /// [`Metric::SqrtL2`] distances are squared, of [`Metric::CosineDistance`] they are similarities.
    pub objective: Vec<f64>,
    /// How many iterations were made, of the trial that was kept.
    pub iterations: usize,
    /// How many centroids moved into the cluster of another after each iteration: those without points, and with
    /// [`balance`](KMeansParams::balance) those of few.
    pub splits: Vec<usize>,
    /// The points of each centroid, of those that were trained on; where all were assigned, of all.
    pub counts: Vec<u64>,
    /// How many centroids have points. Fewer than k where there are fewer different points: of equal centroids the first has them all.
    pub distinct: usize,
    /// The centroid of each point, where that was asked for.
    pub assignments: Option<Vec<u32>>,
}

impl KMeans {
    /// How unequal the clusters are: 1 where all have as many points, k where one has all (FAISS's imbalance factor).
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::{Gpu, KMeansParams, Matrix, Metric, Rows, kmeans};
    /// let points = Matrix::from_rows(&Gpu::new()?, 1, Rows::F32(&[0.0, 1.0, 10.0, 11.0]))?;
    /// let found = kmeans(&points, &Metric::L2, 2, &KMeansParams::new())?;
    /// assert_eq!(found.imbalance(), 1.0);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn imbalance(&self) -> f64 {
        let total: f64 = self.counts.iter().map(|&n| n as f64).sum();
        let squares: f64 = self.counts.iter().map(|&n| n as f64 * n as f64).sum();
        if total == 0.0 { 1.0 } else { squares * self.k as f64 / (total * total) }
    }
}

impl fmt::Debug for KMeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KMeans")
            .field("k", &self.k)
            .field("dim", &self.dim)
            .field("points", &self.points)
            .field("objective", &self.objective.last())
            .field("iterations", &self.iterations)
            .field("distinct", &self.distinct)
            .finish_non_exhaustive()
    }
}

/// Finds `k` centroids of points that are on the device (k-means by Lloyd's iterations).
///
/// A point is assigned by the metric, and a centroid is the mean of its points, of length 1 under [`Metric::Cosine`] and where
/// [`spherical`](KMeansParams::spherical) says so. Of the metrics but [`Metric::L2`] and cosine no mean is the best centroid; they
/// are there for inverted lists, as in FAISS.
///
/// Two calls with the same seed give the same bits on one adapter. Of k points and no given centroids the points are the centroids.
///
/// Cost: beside the points 4 bytes of device memory for each element of the centroids and their copies, and some 30 bytes a point; of more than
/// [`max_points_per_centroid`](KMeansParams::max_points_per_centroid) k points, a copy of those that are trained on. Each iteration
/// compares all of these with all centroids and reads them once more.
///
/// # Errors
/// `InvalidArgument` for k of 0, fewer points than centroids (it names both numbers), and parameters that contradict each other; `Unsupported`
/// for bits; `NonFinite` and `InvalidValue` for what the metric refuses, and for NaN whatever the metric; `Cancelled`; what a
/// [`Matrix`] says.
///
/// # Accuracy
/// Sums are taken in f32, in an order that depends on the labels alone. The last assignment, which the last objective, the counts and the assignments
/// are of, is exact: of equally near centroids the first.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, KMeansParams, Matrix, Metric, Rows, kmeans};
/// let points = Matrix::from_rows(&Gpu::new()?, 1, Rows::F32(&[0.0, 1.0, 10.0, 11.0, 12.0]))?;
/// let found = kmeans(&points, &Metric::L2, 2, &KMeansParams::new().assignments(true))?;
/// let mut centroids = found.centroids.clone();
/// centroids.sort_by(f32::total_cmp);
/// assert_eq!(centroids, [0.5, 11.0]);
/// assert_eq!(found.objective.last(), Some(&2.5));
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn kmeans(points: &Matrix, metric: &Metric, k: usize, params: &KMeansParams) -> Result<KMeans> {
    let Trained { best, points: trained, scale, metric } = train(points, metric, k, params, true)?;
    let (assignments, counts) = match params.assignments {
        true => {
            let labels = labels(points, &best.centroids, &metric, params)?;
            let mut counts = vec![0u64; k];
            labels.iter().for_each(|&label| counts[label as usize] += 1);
            (Some(labels), counts)
        }
        false => (None, best.clusters.iter().map(|c| c.points).collect()),
    };
    if let Some(progress) = &params.progress {
        progress(1.0);
    }
    let distinct = with_points(&best);
    Ok(KMeans {
        centroids: best.centroids.read()?,
        k,
        dim: points.dim(),
        points: trained,
        objective: best.objective.iter().map(|sum| sum / scale).collect(),
        iterations: best.splits.len(),
        splits: best.splits,
        counts,
        distinct,
        assignments,
    })
}

/// The centroids that [`kmeans`] finds, alone: of one trial nothing is assigned to them in the end.
pub(crate) fn centroids(
    points: &Matrix,
    metric: &Metric,
    k: usize,
    params: &KMeansParams,
) -> Result<Vec<f32>> {
    train(points, metric, k, params, params.nredo > 1)?.best.centroids.read()
}

/// What came of the best trial.
struct Trained {
    best: Trial,
    /// How many points were trained on.
    points: usize,
    /// What their weights were multiplied by.
    scale: f64,
    /// The metric that assigns.
    metric: Metric,
}

/// `last`: all points are assigned to the centroids that come of it, too.
fn train(
    points: &Matrix,
    metric: &Metric,
    k: usize,
    params: &KMeansParams,
    last: bool,
) -> Result<Trained> {
    if points.dtype() == DType::Bits || metric.is_binary() {
        return Err(Error::unsupported("kmeans", "bits"));
    }
    let dim = points.dim();
    metric.check(points.dtype(), dim)?;
    if k == 0 {
        return Err(Error::argument("k", "0 centroids are none"));
    }
    let given = params.check(points.row_count(), k, dim)?;
    let sample = sample::of(points, k, params)?;
    // a mean of NaN is none, whatever the metric makes of one
    facts::of(&Metric::L2, points)?;
    let metric = assign::metric(metric);
    if metric != Metric::L2 {
        facts::of(&metric, points)?;
    }
    given_are_finite(&params.centroids, dim)?;
    let cosine = metric == Metric::Cosine;
    let spherical = params.spherical || cosine;
    let trained = Points::new(sample.rows, &metric, &sample.weights, cosine)?;
    let frozen = if params.frozen_centroids { given } else { 0 };
    let copied = trained.len() == k as u64 && given == 0;
    let trials = if copied { 1 } else { params.nredo };
    let tell = |trial: usize, share: f64| {
        if let Some(progress) = &params.progress {
            progress((trial as f64 + share) / trials as f64);
        }
    };
    let mut best: Option<Trial> = None;
    for trial in 0..trials {
        let rows = match copied {
            true => trained.rows.to_f32()?,
            false => start::centroids(&trained, k, params, trial)?,
        };
        let centroids = Centroids::new(&trained, &metric, &rows, frozen, spherical)?;
        let own = if copied { &params.clone().niter(0) } else { params };
        let tell_own = |share: f64| tell(trial, share);
        let lloyd = Lloyd { points: &trained, metric: &metric, params: own, last, tell: &tell_own };
        let found = lloyd.run(centroids, frozen, trial)?;
        if best.as_ref().is_none_or(|best| is_better(&found, best, metric.order())) {
            best = Some(found);
        }
    }
    let best = best.ok_or_else(|| Error::internal("no trial was made"))?;
    let distinct = with_points(&best);
    if distinct < best.clusters.len() {
        log::warn!("{distinct} of {k} centroids have points: there are too few different ones");
    }
    let scale = weight_scale(&sample.weights);
    Ok(Trained { best, points: trained.len() as usize, scale, metric })
}

/// How many centroids have points.
fn with_points(trial: &Trial) -> usize {
    trial.clusters.iter().filter(|c| c.points > 0).count()
}

fn is_better(one: &Trial, other: &Trial, order: Order) -> bool {
    let last = |trial: &Trial| trial.objective.last().copied().unwrap_or(f64::NAN);
    match order {
        Order::Ascending => last(one) < last(other),
        Order::Descending => last(one) > last(other),
    }
}

/// Refuses centroids that no point could be near to.
fn given_are_finite(centroids: &[f32], dim: usize) -> Result<()> {
    space::check::rows(&Metric::L2, Rows::F32(centroids), dim, 0).map(|_| ()).map_err(|error| {
        match error {
            Error::NonFinite { row, column } => {
                Error::argument("centroids", format!("row {row}, column {column} is not finite"))
            }
            other => other,
        }
    })
}

/// The nearest centroid of each point, exactly.
fn labels(
    points: &Matrix,
    centroids: &Centroids,
    metric: &Metric,
    params: &KMeansParams,
) -> Result<Vec<u32>> {
    let points = Points::new(points.clone(), metric, &[], false)?;
    let mut flights = Flights::new();
    let mut all = Vec::with_capacity(points.len() as usize);
    for block in points.blocks() {
        let (dataset, cancel) = (centroids.dataset(), params.cancel.as_ref());
        let assigned = assign(&points, block, dataset, How::Exact, &mut flights, cancel)?;
        let encoder = Encoder::new(points.gpu(), "labels", false)?;
        let bytes = u64::from(block.len()) * 4;
        let landed = encoder.submit(&[(&assigned.labels, 0, bytes)])?.wait()?;
        all.extend_from_slice(&words(landed.parts.first().map_or(&[], |part| &part[..])));
    }
    Ok(all)
}

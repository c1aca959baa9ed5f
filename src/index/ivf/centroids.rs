//! The centroids of lists, learnt from a sample of their rows.

use crate::buffer::Matrix;
use crate::clustering::{KMeansParams, centroids};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::index::params::TrainParams;
use crate::metric::Metric;
use crate::space::check;

/// The most rows of a sample a list that are made use of.
pub(super) const MOST_ROWS: usize = 256;
/// As FAISS trains its lists, which is fewer than its k-means makes of itself.
const ITERATIONS: usize = 10;
/// How much of the work k-means is said to be.
const KMEANS_SHARE: f64 = 0.99;

/// `nlist` centroids of a sample's rows, by k-means; of unit length where the metric looks at directions.
pub(super) fn centroids_of(
    gpu: &Gpu,
    metric: &Metric,
    (dim, nlist): (usize, usize),
    sample: Rows<'_>,
    params: &TrainParams,
) -> Result<Vec<f32>> {
    if sample.dtype() == DType::Bits {
        return Err(Error::unsupported("training", "a sample of bits"));
    }
    let count = sample.count(dim)?;
    if count < nlist {
        let reason = format!("{count} rows are too few for {nlist} lists; {nlist} are the least");
        return Err(Error::argument("sample", reason));
    }
    // some metrics know what to make of a missing element, which they refuse in none
    let points = match metric {
        Metric::NanEuclidean | Metric::Gower => {
            check::rows(metric, sample, dim, 0)?;
            Matrix::from_rows(gpu, dim, Rows::F32(&completed(sample, dim)))?
        }
        _ => Matrix::from_rows(gpu, dim, sample)?,
    };
    centroids(&points, metric, nlist, &kmeans_params(metric, params))
}

/// What is asked for, or what FAISS asks for.
fn kmeans_params(metric: &Metric, params: &TrainParams) -> KMeansParams {
    let usual = || {
        KMeansParams::new()
            .niter(ITERATIONS)
            .max_points_per_centroid(MOST_ROWS)
            .spherical(*metric == Metric::InnerProduct)
    };
    // rows that are there get their lists afterwards
    params.part(0.0, KMEANS_SHARE).told(params.kmeans.clone().unwrap_or_else(usual))
}

/// The rows with the mean of what is there of an element in the place of each that is missing: a mean needs them all.
fn completed(rows: Rows<'_>, dim: usize) -> Vec<f32> {
    let mut rows = rows.to_f32();
    for column in 0..dim {
        let values = rows.iter().skip(column).step_by(dim);
        let there = values.filter(|value| !value.is_nan());
        let (sum, count) =
            there.fold((0.0, 0.0), |(sum, count), &value| (sum + f64::from(value), count + 1.0));
        let mean = if count > 0.0 { (sum / count) as f32 } else { 0.0 };
        let values = rows.iter_mut().skip(column).step_by(dim);
        values.filter(|value| value.is_nan()).for_each(|value| *value = mean);
    }
    rows
}

//! The centroids of lists, learnt from a sample of their rows.

use crate::buffer::Matrix;
use crate::clustering::{KMeansParams, kmeans};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::space::check;

/// The most rows of a sample a list that are made use of.
pub(super) const MOST_ROWS: usize = 256;
/// As FAISS trains its lists, which is fewer than its k-means makes of itself.
const ITERATIONS: usize = 10;

/// `nlist` centroids of a sample's rows, by k-means; of unit length where the metric looks at directions.
pub(super) fn centroids_of(
    gpu: &Gpu,
    metric: &Metric,
    (dim, nlist): (usize, usize),
    sample: Rows<'_>,
) -> Result<Vec<f32>> {
    if sample.dtype() == DType::Bits {
        return Err(Error::unsupported("training", "a sample of bits"));
    }
    let count = sample.count(dim)?;
    // here, where the rows still have their numbers
    check::rows(metric, sample, dim, 0)?;
    if count < nlist {
        let reason = format!("{count} rows are too few for {nlist} lists; {nlist} are the least");
        return Err(Error::argument("sample", reason));
    }
    // some metrics know what to make of a missing element; what is left of the others was refused
    let missing = matches!(metric, Metric::NanEuclidean | Metric::Gower);
    let points = match missing {
        true => Matrix::from_rows(gpu, dim, Rows::F32(&completed(sample, dim)))?,
        false => Matrix::from_rows(gpu, dim, sample)?,
    };
    let directions = matches!(metric, Metric::Cosine | Metric::CosineDistance);
    let params = KMeansParams::new()
        .niter(ITERATIONS)
        .max_points_per_centroid(MOST_ROWS)
        .spherical(directions || *metric == Metric::InnerProduct);
    Ok(kmeans(&points, metric, nlist, &params)?.centroids)
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

//! The centroids of lists, learnt from a sample of their rows.

use crate::buffer::Matrix;
use crate::clustering::{KMeansParams, centroids, subset};
use crate::device::Gpu;
use crate::dtype::{AlignedBlock, DType, Rows};
use crate::error::{Error, Result};
use crate::index::other_type::wrong_type;
use crate::index::params::TrainParams;
use crate::invlists::InvertedLists;
use crate::metric::Metric;
use crate::ops::gather;
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
    check_count(sample.count(dim)?, nlist)?;
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

/// Lists whose centroids are learnt of rows that are on the device, where they stay unless centroids need them as other numbers.
pub(in crate::index) fn learnt_of(
    lists: &InvertedLists,
    rows: &Matrix,
    params: &TrainParams,
) -> Result<InvertedLists> {
    let (gpu, metric, shape) = (rows.gpu(), lists.dataset().metric(), (rows.dim(), lists.nlist()));
    let completes = matches!(metric, Metric::NanEuclidean | Metric::Gower);
    if rows.dtype() != DType::Bits && !completes {
        let kmeans = kmeans_params(metric, params);
        return lists.with_centroids(&centroids(rows, metric, lists.nlist(), &kmeans)?);
    }
    let few = KMeansParams::new().max_points_per_centroid(MOST_ROWS).min_points_per_centroid(0);
    let chosen = subset(rows.len(), lists.nlist(), &few)?;
    let sampled = chosen.map(|chosen| gather::rows(rows, &chosen)).transpose()?;
    let sampled = sampled.as_ref().unwrap_or(rows);
    let bytes = sampled.read(0..sampled.len())?;
    let mut block = AlignedBlock::default();
    let sample = block.rows(rows.dtype(), &bytes)?;
    match sample {
        Rows::Bits(_) => {
            let bits = bit_centroids_of(gpu, shape, sample, params)?;
            lists.with_centroid_rows(Rows::Bits(&bits))
        }
        _ => lists.with_centroids(&centroids_of(gpu, metric, shape, sample, params)?),
    }
}

/// The type of the centroids of rows of a type.
pub(super) fn dtype(rows: DType) -> DType {
    if rows == DType::Bits { DType::Bits } else { DType::F32 }
}

/// `nlist` centroids of a sample of bits, which are bits: those in which the centroids of numbers, 1 where a bit is set and -1 where it is not, are
/// above 0 (FAISS). Half of the rows of a cluster or more then agree with each bit of it, so that it is as near to all of them together as bits can be.
pub(super) fn bit_centroids_of(
    gpu: &Gpu,
    (dim, nlist): (usize, usize),
    sample: Rows<'_>,
    params: &TrainParams,
) -> Result<Vec<u8>> {
    if sample.dtype() != DType::Bits {
        return Err(wrong_type(sample.dtype(), DType::Bits));
    }
    let count = sample.count(dim)?;
    check::rows(&Metric::Hamming, sample, dim, 0)?;
    check_count(count, nlist)?;
    let kmeans = kmeans_params(&Metric::L2, params);
    // of the rows that are trained on alone, since a bit becomes a byte; weights are those of all
    let chosen = match kmeans.weights.is_empty() {
        // that they are few is said by whoever trains
        true => subset(count, nlist, &kmeans.clone().min_points_per_centroid(0))?,
        false => None,
    };
    let chosen = chosen.unwrap_or_else(|| (0..count as u32).collect());
    let row_bytes = DType::Bits.row_bytes(dim);
    let sign = |bytes: &[u8], at: usize| if bytes[at / 8] >> (at % 8) & 1 == 1 { 1 } else { -1 };
    let rows = chosen.into_iter().map(|row| &sample.bytes()[row as usize * row_bytes..]);
    let numbers: Vec<i8> = rows.flat_map(|row| (0..dim).map(move |at| sign(row, at))).collect();
    let points = Matrix::from_rows(gpu, dim, Rows::I8(&numbers))?;
    let means = centroids(&points, &Metric::L2, nlist, &kmeans)?;
    let mut bits = vec![0; nlist * row_bytes];
    for (mean, bits) in means.chunks_exact(dim).zip(bits.chunks_exact_mut(row_bytes)) {
        mean.iter().enumerate().for_each(|(at, &x)| bits[at / 8] |= u8::from(x > 0.0) << (at % 8));
    }
    Ok(bits)
}

/// Refuses a sample of fewer rows than lists.
fn check_count(count: usize, nlist: usize) -> Result<()> {
    if count < nlist {
        let reason = format!("{count} rows are too few for {nlist} lists; {nlist} are the least");
        return Err(Error::argument("sample", reason));
    }
    Ok(())
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

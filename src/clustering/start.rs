//! Where centroids begin.

use super::params::{KMeansInit, KMeansParams};
use super::plus_plus;
use super::points::Points;
use super::random::Random;
use crate::dtype::Rows;
use crate::error::Result;
use crate::ops::gather;

/// FAISS's step from the seed of one trial to that of the next.
const NEXT_SEED: u64 = 15_486_557;

/// `k` centroids of trial number `trial`, row-major: those that are given, and points.
pub(super) fn centroids(
    points: &Points,
    k: usize,
    params: &KMeansParams,
    trial: usize,
) -> Result<Vec<f32>> {
    let (mut random, dim) = (Random::new(seed(params, trial)), points.rows.dim());
    let mut centroids = params.centroids.clone();
    let more = k - centroids.len() / dim;
    if more == 0 {
        return Ok(centroids);
    }
    match params.init {
        KMeansInit::Random => {
            let chosen = random.subset(points.len() as u32, more as u32);
            centroids.extend(rows(points, &chosen)?);
            Ok(centroids)
        }
        KMeansInit::KMeansPlusPlus => plus_plus::centroids(points, k, params, &mut random),
    }
}

/// What the random numbers of a trial come from, as FAISS has it.
pub(crate) fn seed(params: &KMeansParams, trial: usize) -> u64 {
    params.seed.wrapping_add(1).wrapping_add((trial as u64).wrapping_mul(NEXT_SEED))
}

/// Some points in f32.
fn rows(points: &Points, numbers: &[u32]) -> Result<Vec<f32>> {
    let (dtype, dim) = (points.rows.dtype(), points.rows.dim());
    let mut bytes = vec![0u32; (numbers.len() * dtype.row_bytes(dim)).div_ceil(4)];
    let out = &mut bytemuck::cast_slice_mut(&mut bytes)[..numbers.len() * dtype.row_bytes(dim)];
    gather::read(&points.rows, numbers, out)?;
    Ok(Rows::from_bytes(dtype, out)?.elements(dim))
}

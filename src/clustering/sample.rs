//! Which points are trained on.

use super::params::KMeansParams;
use super::random::Random;
use crate::buffer::Matrix;
use crate::error::{Error, Result};
use crate::ops::gather;

/// The points that are trained on, and their weights.
pub(super) struct Sample {
    pub rows: Matrix,
    pub weights: Vec<f32>,
}

/// All points or, of too many, a random choice that the seed decides; warns of too few.
///
/// # Errors
/// `InvalidArgument` where there are fewer points than centroids.
pub(super) fn of(points: &Matrix, k: usize, params: &KMeansParams) -> Result<Sample> {
    let n = points.len();
    let heavy = weighed(n, k, params);
    let keep = subset(heavy.as_ref().map_or(n, Vec::len), k, params)?;
    let keep = match (keep, heavy) {
        (None, None) => {
            return Ok(Sample { rows: points.clone(), weights: params.weights.clone() });
        }
        (Some(keep), None) => keep,
        (None, Some(heavy)) => heavy,
        (Some(keep), Some(heavy)) => keep.into_iter().map(|at| heavy[at as usize]).collect(),
    };
    let weights = match params.weights.is_empty() {
        true => Vec::new(),
        false => keep.iter().map(|&row| params.weights[row as usize]).collect(),
    };
    Ok(Sample { rows: gather::rows(points, &keep)?, weights })
}

/// Of too many points those that weigh anything, where some do not, and k at least: a choice of others might weigh nothing.
fn weighed(n: usize, k: usize, params: &KMeansParams) -> Option<Vec<u32>> {
    let weights = &params.weights;
    if weights.is_empty() || n <= most(k, params) {
        return None;
    }
    // row numbers have 32 bits
    let (mut heavy, light): (Vec<u32>, Vec<u32>) =
        (0..n as u32).partition(|&i| weights[i as usize] > 0.0);
    let more = k.saturating_sub(heavy.len());
    heavy.extend(&light[..more.min(light.len())]);
    heavy.sort_unstable();
    Some(heavy)
}

/// The most points that are trained on.
fn most(k: usize, params: &KMeansParams) -> usize {
    k.saturating_mul(params.max_points_per_centroid).max(k)
}

/// The numbers of those that are trained on for k centroids, of n points, ascending; none where all are.
///
/// # Errors
/// `InvalidArgument` where there are fewer points than centroids.
pub(crate) fn subset(n: usize, k: usize, params: &KMeansParams) -> Result<Option<Vec<u32>>> {
    if n < k {
        return Err(Error::argument("k", format!("{k} centroids of {n} points")));
    }
    let wanted = k.saturating_mul(params.min_points_per_centroid);
    if n < wanted && n > k {
        log::warn!("{n} points for {k} centroids; at least {wanted} are better");
    }
    let most = most(k, params);
    if n <= most {
        return Ok(None);
    }
    log::info!("{most} of {n} points are trained on");
    // row numbers have 32 bits, and k is below n
    let count = u32::try_from(n).map_err(|_| {
        let what = "points".to_owned();
        Error::LimitExceeded { what, needed: n as u64, limit: u32::MAX.into() }
    })?;
    Ok(Some(Random::new(params.seed).subset(count, most as u32)))
}

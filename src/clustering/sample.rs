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
    let of = heavy.as_ref().map_or(n, Vec::len);
    let keep = subset(of, k, params)?;
    if keep.len() == n {
        return Ok(Sample { rows: points.clone(), weights: params.weights.clone() });
    }
    let keep: Vec<usize> = match heavy {
        Some(heavy) => keep.into_iter().map(|at| heavy[at]).collect(),
        None => keep,
    };
    let weights = match params.weights.is_empty() {
        true => Vec::new(),
        false => keep.iter().map(|&row| params.weights[row]).collect(),
    };
    // they have 32 bits
    let keep: Vec<u32> = keep.into_iter().map(|row| row as u32).collect();
    Ok(Sample { rows: gather::rows(points, &keep)?, weights })
}

/// Of too many points those that weigh anything, where some do not, and k at least: a choice of others might weigh nothing.
fn weighed(n: usize, k: usize, params: &KMeansParams) -> Option<Vec<usize>> {
    let weights = &params.weights;
    if weights.is_empty() || n <= most(k, params) {
        return None;
    }
    let (mut heavy, light): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| weights[i] > 0.0);
    let more = k.saturating_sub(heavy.len());
    heavy.extend(&light[..more.min(light.len())]);
    heavy.sort_unstable();
    Some(heavy)
}

/// The most points that are trained on.
fn most(k: usize, params: &KMeansParams) -> usize {
    k.saturating_mul(params.max_points_per_centroid).max(k)
}

/// The numbers of those that are trained on for k centroids, of n points, ascending.
///
/// # Errors
/// `InvalidArgument` where there are fewer points than centroids.
pub(crate) fn subset(n: usize, k: usize, params: &KMeansParams) -> Result<Vec<usize>> {
    if n < k {
        return Err(Error::argument("k", format!("{k} centroids of {n} points")));
    }
    let wanted = k.saturating_mul(params.min_points_per_centroid);
    if n < wanted && n > k {
        log::warn!("{n} points for {k} centroids; at least {wanted} are better");
    }
    let most = most(k, params);
    if n <= most {
        return Ok((0..n).collect());
    }
    log::info!("{most} of {n} points are trained on");
    // row numbers have 32 bits, and k is below n
    let count = u32::try_from(n).map_err(|_| {
        let what = "points".to_owned();
        Error::LimitExceeded { what, needed: n as u64, limit: u32::MAX.into() }
    })?;
    let keep = Random::new(params.seed).subset(count, most as u32);
    Ok(keep.into_iter().map(|row| row as usize).collect())
}

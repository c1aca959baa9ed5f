//! The metrics, each as a textbook prints it.

use crate::metric::Metric;

/// What is above f32 counts as its largest number.
const LARGEST: f64 = f32::MAX as f64;

/// Vectors shorter than the smallest normal f32 count as zero where a metric divides by their length.
pub(super) const SHORTEST: f64 = f32::MIN_POSITIVE as f64;

/// The metric between a query and a row in f64, or `None` where the row is not a hit for this query.
///
/// `q` and `x` are rows of a [`Block`](super::Block), so exactly the stored elements; bits are 0 and 1. No hit are: no
/// common dimension ([`Metric::NanEuclidean`], [`Metric::Gower`]); a category against a number, or a number above 1
/// as in FAISS ([`Metric::Gower`]); x = 0 < q ([`Metric::KlDivergence`]); a sum of zero below a positive one
/// ([`Metric::BrayCurtis`]). A [`Metric::Custom`] is WGSL, which does not run here: always `None`, see
/// [`Custom`](super::Custom).
///
/// # Accuracy
/// A few (d + 4) 2^-53 relative to the sum of the magnitudes of the terms: eight orders of magnitude below
/// [`tau`](super::tau). Sums of whole numbers are exact.
pub fn distance(metric: &Metric, q: &[f64], x: &[f64]) -> Option<f64> {
    let value = match metric {
        Metric::L2 => sum(q, x, |q, x| (q - x).powi(2)),
        Metric::SqrtL2 => sum(q, x, |q, x| (q - x).powi(2)).sqrt(),
        Metric::InnerProduct => dot(q, x),
        Metric::Cosine => cosine(q, x),
        Metric::CosineDistance => 1.0 - cosine(q, x),
        Metric::L1 => sum(q, x, |q, x| (q - x).abs()),
        Metric::Linf => pairs(q, x).map(|(q, x)| (q - x).abs()).fold(0.0, f64::max),
        Metric::Lp(p) => LARGEST.min(sum(q, x, |q, x| (q - x).abs().powf(f64::from(*p)))),
        Metric::Canberra => sum(q, x, |q, x| over((q - x).abs(), q.abs() + x.abs(), 0.0)),
        Metric::BrayCurtis => {
            let (apart, along) = (sum(q, x, |q, x| (q - x).abs()), sum(q, x, |q, x| (q + x).abs()));
            if along == 0.0 && apart > 0.0 {
                return None;
            }
            LARGEST.min(over(apart, along, 0.0))
        }
        Metric::JensenShannon => {
            0.5 * sum(q, x, |q, x| relative(q, (q + x) / 2.0) + relative(x, (q + x) / 2.0))
        }
        Metric::Jaccard => over(sum(q, x, f64::min), sum(q, x, f64::max), 1.0),
        Metric::NanEuclidean => {
            let total: f64 = present(q, x).map(|(q, x)| (q - x).powi(2)).sum();
            let common = present(q, x).count();
            if common == 0 {
                return None;
            }
            LARGEST.min(total * q.len() as f64 / common as f64)
        }
        Metric::Gower => {
            let total: Option<f64> = present(q, x).map(|(q, x)| gower_term(q, x)).sum();
            total? / present(q, x).count() as f64
        }
        Metric::Hellinger => (1.0 - sum(q, x, |q, x| (q * x).sqrt())).max(0.0).sqrt(),
        Metric::KlDivergence => sum(q, x, relative),
        Metric::Correlation => 1.0 - cosine(&centred(q), &centred(x)),
        Metric::Haversine => haversine(q, x)?,
        Metric::Hamming => sum(q, x, |q, x| (q - x).abs()),
        Metric::BitJaccard | Metric::Dice | Metric::RusselRao => {
            let (numerator, denominator) = fraction(metric, q, x)?;
            numerator as f64 / denominator as f64
        }
        Metric::Custom(_) => return None,
    };
    // What divides by zero here is no hit. Adding +0 turns -0 into +0: equal values then are equal for `total_cmp`.
    value.is_finite().then_some(value + 0.0)
}

/// A metric on bits as numerator and denominator, so that equal fractions tie; `None` for other metrics.
///
/// [`Metric::Hamming`] has the denominator 1, and so has the distance 0 of two empty sets.
pub fn fraction(metric: &Metric, q: &[f64], x: &[f64]) -> Option<(u64, u64)> {
    let count = |has: fn(bool, bool) -> bool| {
        pairs(q, x).filter(|&(q, x)| has(q != 0.0, x != 0.0)).count() as u64
    };
    let (both, either, d) = (count(|q, x| q && x), count(|q, x| q || x), q.len() as u64);
    match metric {
        Metric::Hamming => Some((either - both, 1)),
        Metric::BitJaccard | Metric::Dice | Metric::RusselRao if either == 0 => Some((0, 1)),
        Metric::BitJaccard => Some((either - both, either)),
        Metric::Dice => Some((either - both, either + both)),
        Metric::RusselRao => Some((d - both, d)),
        _ => None,
    }
}

pub(super) fn pairs<'a>(q: &'a [f64], x: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    q.iter().copied().zip(x.iter().copied())
}

pub(super) fn sum(q: &[f64], x: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    pairs(q, x).map(|(q, x)| term(q, x)).sum()
}

pub(super) fn dot(q: &[f64], x: &[f64]) -> f64 {
    sum(q, x, |q, x| q * x)
}

pub(super) fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// The dimensions that both vectors have.
pub(super) fn present<'a>(q: &'a [f64], x: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    pairs(q, x).filter(|(q, x)| !q.is_nan() && !x.is_nan())
}

/// a log(a / b) with 0 log 0 = 0: infinite where b = 0 < a.
pub(super) fn relative(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a * (a / b).ln() }
}

/// The vector less its mean; exactly zero where all elements are equal, which rounding of the mean would spoil.
pub(super) fn centred(x: &[f64]) -> Vec<f64> {
    let constant = x.windows(2).all(|pair| pair[0] == pair[1]);
    let mean = if constant { x.first().copied().unwrap_or(0.0) } else { mean(x) };
    x.iter().map(|v| v - mean).collect()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn over(numerator: f64, denominator: f64, zero_over_zero: f64) -> f64 {
    let undefined = numerator == 0.0 && denominator == 0.0;
    if undefined { zero_over_zero } else { numerator / denominator }
}

fn cosine(q: &[f64], x: &[f64]) -> f64 {
    let (q_norm, x_norm) = (norm(q), norm(x));
    let shorter = q_norm.min(x_norm);
    if shorter < SHORTEST { 0.0 } else { dot(q, x) / (q_norm * x_norm) }
}

fn gower_term(q: f64, x: f64) -> Option<f64> {
    let number = 0.0..=1.0;
    match (q < 0.0, x < 0.0) {
        (true, true) => Some(f64::from(q != x)),
        (false, false) => (number.contains(&q) && number.contains(&x)).then(|| (q - x).abs()),
        _ => None,
    }
}

fn haversine(q: &[f64], x: &[f64]) -> Option<f64> {
    let (&[lat_q, lon_q], &[lat_x, lon_x]) = (q, x) else { return None };
    let sin_half_squared = |angle: f64| (angle / 2.0).sin().powi(2);
    let h = sin_half_squared(lat_q - lat_x)
        + lat_q.cos() * lat_x.cos() * sin_half_squared(lon_q - lon_x);
    // Rounding can carry h past 1 between antipodes.
    Some(2.0 * h.clamp(0.0, 1.0).sqrt().asin())
}

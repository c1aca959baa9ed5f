//! What a metric changes in rows and queries before the device sees them, on the host and in f64.

use crate::metric::Metric;

/// Vectors shorter than this, the smallest normal f32, count as zero where a metric divides by their length.
const SHORTEST: f64 = f32::MIN_POSITIVE as f64;

/// A change of every row and query before the device sees them, in f64, so that it costs one rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Transform {
    /// As they are.
    None,
    /// Centred on the mean and of length 1 (correlation); zero where that is shorter than [`SHORTEST`], as constant rows are.
    Standardise,
    /// Square roots (Hellinger).
    Sqrt,
    /// (latitude, longitude) to a point of the unit sphere (haversine).
    Sphere,
}

impl Transform {
    pub fn of(metric: &Metric) -> Transform {
        match metric {
            Metric::Correlation => Transform::Standardise,
            Metric::Hellinger => Transform::Sqrt,
            Metric::Haversine => Transform::Sphere,
            _ => Transform::None,
        }
    }

    /// Dimension of the transformed rows.
    pub fn dim(self, dim: usize) -> usize {
        if self == Transform::Sphere { 3 } else { dim }
    }

    /// Appends the transformed rows to `out`.
    pub fn apply(self, rows: &[f32], dim: usize, out: &mut Vec<f32>) {
        for row in rows.chunks_exact(dim) {
            match self {
                Transform::None => out.extend_from_slice(row),
                Transform::Sqrt => out.extend(row.iter().map(|&x| f64::from(x).sqrt() as f32)),
                Transform::Sphere => {
                    let (lat, lon) = (f64::from(row[0]), f64::from(row[1]));
                    let point = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
                    out.extend(point.map(|v| v as f32));
                }
                Transform::Standardise => {
                    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / dim as f64;
                    let centred = |&x: &f32| f64::from(x) - mean;
                    let norm = row.iter().map(|x| centred(x).powi(2)).sum::<f64>().sqrt();
                    // A constant row leaves only the rounding of its mean, which is no variance.
                    let constant = row.iter().all(|x| x == &row[0]);
                    let scale = if constant || norm < SHORTEST { 0.0 } else { 1.0 / norm };
                    out.extend(row.iter().map(|x| (centred(x) * scale) as f32));
                }
            }
        }
    }
}

/// Brings the queries of cosine to length 1; its rows keep their own scale.
pub(crate) fn normalize(queries: &mut [f32], dim: usize) {
    for row in queries.chunks_exact_mut(dim) {
        let norm = square(row).sqrt();
        let scale = if norm < SHORTEST { 0.0 } else { 1.0 / norm };
        row.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
    }
}

/// |x|^2 in f64, in eight independent lanes: one chain of additions would take most of a search's time on the host.
pub(crate) fn square(row: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    for chunk in row.chunks(8) {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(x) * f64::from(x);
        }
    }
    lanes.iter().sum()
}

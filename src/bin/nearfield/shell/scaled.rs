//! Rows that were multiplied before they were rounded (`--scale`): distances, and the radius, stay those of the values in the
//! files.

use super::failure::{Failure, Result};
use nearfield::{Metric, Order};

/// The number that rows and queries were multiplied by, and what that does to distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    pub scale: f32,
    /// What distances of the values in the files are multiplied by.
    unit: f64,
}

impl Scaled {
    pub const NONE: Scaled = Scaled { scale: 1.0, unit: 1.0 };

    /// Refuses metrics whose values do not follow from those of the rows before.
    pub fn new(metric: &Metric, scale: f32) -> Result<Scaled> {
        let Some(degree) = degree(metric) else {
            let why = format!("--scale: under {metric} rows that are scaled mean something else");
            return Err(Failure::Usage(why));
        };
        let unit = f64::from(scale).powf(degree);
        if !(unit > 0.0 && unit.is_finite()) {
            return Err(Failure::Usage(format!(
                "--scale {scale}: distances of {metric} leave f32"
            )));
        }
        Ok(Scaled { scale, unit })
    }

    /// The distances of the values in the files.
    pub fn given_back<'a>(&self, distances: &'a [f32], buffer: &'a mut Vec<f32>) -> &'a [f32] {
        if self.unit == 1.0 {
            return distances;
        }
        buffer.clear();
        buffer.extend(distances.iter().map(|&d| (f64::from(d) / self.unit) as f32));
        buffer
    }

    /// The radius as the rows have it, and as an f32 that keeps the same distances: rounded up for distances, which are below it,
    /// and down for similarities, which are above it.
    pub fn radius(&self, radius: f64, order: Order) -> f32 {
        let exact = radius * self.unit;
        let nearest = exact as f32;
        match order {
            Order::Ascending if f64::from(nearest) < exact => nearest.next_up(),
            Order::Descending if f64::from(nearest) > exact => nearest.next_down(),
            _ => nearest,
        }
    }
}

/// The power of the scale that a metric's values are multiplied by, where there is one.
fn degree(metric: &Metric) -> Option<f64> {
    match metric {
        Metric::L2 | Metric::InnerProduct | Metric::NanEuclidean => Some(2.0),
        Metric::SqrtL2 | Metric::L1 | Metric::Linf => Some(1.0),
        Metric::JensenShannon | Metric::KlDivergence => Some(1.0),
        Metric::Lp(p) => Some(f64::from(*p)),
        Metric::Cosine | Metric::Correlation => Some(0.0),
        Metric::Canberra | Metric::BrayCurtis | Metric::Jaccard => Some(0.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearfield::reference::distance;

    #[test]
    fn degrees_are_those_of_the_definitions() {
        let (q, x) = ([0.5, 0.25, 0.125, 0.75], [0.25, 0.5, 0.5, 0.0625]);
        let scaled = |v: [f64; 4]| v.map(|v| v * 8.0);
        for metric in Metric::PLAIN.into_iter().chain([Metric::Lp(3.0)]) {
            let Some(degree) = degree(&metric) else {
                assert!(Scaled::new(&metric, 8.0).is_err());
                continue;
            };
            let (one, other) =
                (distance(&metric, &q, &x), distance(&metric, &scaled(q), &scaled(x)));
            let (Some(one), Some(other)) = (one, other) else { continue };
            assert!(
                (one * 8f64.powf(degree) - other).abs() < 1e-9 * (1.0 + other.abs()),
                "{metric}"
            );
            let scaled = Scaled::new(&metric, 8.0).unwrap();
            let mut buffer = Vec::new();
            let back = scaled.given_back(&[other as f32], &mut buffer)[0];
            assert!((f64::from(back) - one).abs() < 1e-6 * (1.0 + one.abs()), "{metric}");
            assert!(
                (f64::from(scaled.radius(one, metric.order())) - other).abs()
                    < 1e-5 * (1.0 + other.abs())
            );
        }
        let radius = |r: f64, order| Scaled::new(&Metric::L2, 2.0).unwrap().radius(r, order);
        let both = |r: f64| (radius(r, Order::Ascending), radius(r, Order::Descending));
        assert_eq!(both(f64::INFINITY), (f32::INFINITY, f32::INFINITY));
        assert_eq!(both(0.25), (1.0, 1.0));
        // nothing of an f32 lies between the two
        assert_eq!(both(0.250_000_000_1), (1f32.next_up(), 1.0));
        assert_eq!(both(1e-60), (f32::from_bits(1), 0.0));
        assert_eq!(both(-1e60), (f32::MIN, f32::NEG_INFINITY));
        assert!(Scaled::new(&Metric::Lp(1e30), 2.0).is_err());
    }
}

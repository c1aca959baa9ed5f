//! Rows that were multiplied before they were rounded (`--scale`): distances, and the radius, stay those of the values in the
//! files.

use super::failure::{Failure, Result};
use nearfield::{Metric, Order};

/// So many powers of two above 1 or below it the factor of distances may lie: of what f32 can hold, more would leave too little for
/// the distances themselves. Up to squares it may lie further away, for tiny values in f16.
const POWERS: f64 = 60.0;
const POWERS_TO_SQUARES: f64 = 100.0;

/// The number that rows and queries were multiplied by, and what that does to distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    pub scale: f32,
    /// What distances of the values in the files are multiplied by.
    unit: f64,
}

impl Scaled {
    pub const NONE: Scaled = Scaled { scale: 1.0, unit: 1.0 };

    /// Refuses metrics whose values do not follow from those of the rows before, and scales that take them out of f32.
    pub fn new(metric: &Metric, scale: f32) -> Result<Scaled> {
        let Some(degree) = degree(metric) else {
            let why = format!("--scale: under {metric} rows that are scaled mean something else");
            return Err(Failure::Usage(why));
        };
        let unit = f64::from(scale).powf(degree);
        let most = if degree <= 2.0 { POWERS_TO_SQUARES } else { POWERS };
        if unit.log2().abs() > most {
            return Err(Failure::Usage(format!(
                "--scale {scale}: {metric} multiplies distances by {scale}^{degree}, which leaves f32; choose a scale nearer to 1"
            )));
        }
        Ok(Scaled { scale, unit })
    }

    /// The distances of the values in the files. One that reached the end of f32 stays there; where it did so only because of the
    /// scale nobody knows what it was, nor which of several was nearer, and that is an error.
    pub fn given_back<'a>(
        &self,
        distances: &'a [f32],
        buffer: &'a mut Vec<f32>,
    ) -> Result<&'a [f32]> {
        if self.unit == 1.0 {
            return Ok(distances);
        }
        if distances.iter().any(|&d| self.lost(d)) {
            return Err(Failure::Work(format!(
                "--scale {}: a distance of the rows so multiplied is beyond f32; choose a smaller scale",
                self.scale
            )));
        }
        buffer.clear();
        buffer.extend(distances.iter().map(|&d| self.one(d)));
        Ok(buffer)
    }

    /// Whether the scale alone may have brought a distance to the end of f32.
    fn lost(&self, distance: f32) -> bool {
        self.unit > 1.0 && distance.abs() >= f32::MAX
    }

    fn one(&self, distance: f32) -> f32 {
        let given = (f64::from(distance) / self.unit) as f32;
        // What f32 lacks is its end, as it is without a scale.
        if distance.abs() >= f32::MAX { distance } else { given.clamp(f32::MIN, f32::MAX) }
    }

    /// Whether a distance of the scaled rows is, as it is given back, within a radius of the values in the files: rounding may
    /// bring one that lies just within it onto it. One that is lost is kept, for [`given_back`](Self::given_back) to refuse.
    pub fn within(&self, distance: f32, radius: f64, order: Order) -> bool {
        let given = f64::from(self.one(distance));
        match order {
            _ if self.lost(distance) => true,
            Order::Ascending => given < radius,
            Order::Descending => given > radius,
        }
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
        Metric::Cosine | Metric::CosineDistance | Metric::Correlation => Some(0.0),
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
        for metric in Metric::PLAIN.iter().cloned().chain([Metric::Lp(3.0)]) {
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
            let back = scaled.given_back(&[other as f32], &mut buffer).unwrap()[0];
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

    #[test]
    fn scales_that_take_distances_out_of_f32_are_refused() {
        for (metric, scale) in
            [(Metric::Lp(20.0), 200.0), (Metric::Lp(20.0), 0.01), (Metric::L2, 1e16)]
        {
            let Err(Failure::Usage(why)) = Scaled::new(&metric, scale) else {
                panic!("{metric} {scale}")
            };
            assert!(why.contains(&metric.to_string()) && why.contains("--scale"), "{why}");
        }
        // Values of f16 that were tiny.
        assert!(Scaled::new(&Metric::L2, 1e14).is_ok());
        assert!(Scaled::new(&Metric::Cosine, 1e30).is_ok());
    }

    #[test]
    fn distances_beyond_f32_are_its_ends_or_an_error() {
        let mut buffer = Vec::new();
        let small = Scaled::new(&Metric::L2, 1e-12).unwrap();
        let far = small.given_back(&[f32::MAX, f32::MIN, 1e30, -1e30, 0.0], &mut buffer).unwrap();
        assert_eq!(far, [f32::MAX, f32::MIN, f32::MAX, f32::MIN, 0.0]);
        let large = Scaled::new(&Metric::Lp(3.0), 16.0).unwrap();
        assert_eq!(large.given_back(&[4096.0], &mut buffer).unwrap(), [1.0]);
        for end in [f32::MAX, f32::MIN] {
            assert!(matches!(large.given_back(&[1.0, end], &mut buffer), Err(Failure::Work(_))));
        }
    }

    #[test]
    fn what_rounds_onto_the_radius_is_not_within_it() {
        for (order, sign) in [(Order::Ascending, 1.0f32), (Order::Descending, -1.0)] {
            let scaled = Scaled::new(&Metric::L1, 3.0).unwrap();
            let (mut onto, mut buffer) = (0, Vec::new());
            for step in 1..200 {
                let asked = sign * (1.0 + step as f32 * 0.003);
                let searched = scaled.radius(asked.into(), order);
                let next = match order {
                    Order::Ascending => searched.next_down(),
                    Order::Descending => searched.next_up(),
                };
                let given = scaled.given_back(&[next], &mut buffer).unwrap()[0];
                assert_eq!(scaled.within(next, asked.into(), order), given != asked, "{asked}");
                onto += usize::from(given == asked);
            }
            assert!(onto > 10, "{onto}");
        }
    }
}

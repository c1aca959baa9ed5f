//! What the oracle needs to know of a metric: the crate's own, or a custom one given as closures.

use super::distance::distance;
use super::tau::{Tau, ordered_by_value, tau};
use crate::dtype::DType;
use crate::metric::{Metric, Order};

/// A metric that the oracle can search by: a [`Metric`], or a [`Custom`] one.
pub trait Measure {
    /// Which end of the scale is near.
    fn order(&self) -> Order;

    /// The value in f64; `None` where the row is not a hit.
    fn distance(&self, q: &[f64], x: &[f64]) -> Option<f64>;

    /// How far from `m`, the value in f64, an f32 result may be; `dtypes` are those of the query and of the row.
    fn tau(&self, dtypes: (DType, DType), q: &[f64], x: &[f64], m: f64) -> Tau;

    /// Whether rows are ordered by the f32 that is returned, so that equal f32 must stand in row order.
    ///
    /// Not so where the order is settled before a last step that can make unequal values equal: a root, a quotient of
    /// integers, the conversion of an integer, a clamp. `dim` is that of the rows.
    fn ordered_by_value(&self, dtypes: (DType, DType), dim: usize) -> bool;
}

impl Measure for Metric {
    fn order(&self) -> Order {
        Metric::order(self)
    }

    fn distance(&self, q: &[f64], x: &[f64]) -> Option<f64> {
        distance(self, q, x)
    }

    fn tau(&self, dtypes: (DType, DType), q: &[f64], x: &[f64], m: f64) -> Tau {
        tau(self, dtypes, q, x, m)
    }

    fn ordered_by_value(&self, dtypes: (DType, DType), dim: usize) -> bool {
        ordered_by_value(self, dtypes, dim)
    }
}

/// A custom metric in f64: the closures beside the WGSL functions of [`Metric::wgsl`], which does not run here.
///
/// Build it literally; `tau` states, for a query, a row and the value, what the two functions lose in f32.
pub struct Custom<A, F, T> {
    /// Which end of the scale is near.
    pub order: Order,
    /// What the accumulator starts at.
    pub initial: f64,
    /// `accumulate(acc, q, x)`, called for each dimension in order.
    pub accumulate: A,
    /// `finish(acc, d)`; NaN is not a hit.
    pub finish: F,
    /// `tau(q, x, m)`.
    pub tau: T,
}

impl<A, F, T> Measure for Custom<A, F, T>
where
    A: Fn(f64, f64, f64) -> f64,
    F: Fn(f64, usize) -> f64,
    T: Fn(&[f64], &[f64], f64) -> f64,
{
    fn order(&self) -> Order {
        self.order
    }

    fn distance(&self, q: &[f64], x: &[f64]) -> Option<f64> {
        let accumulated =
            q.iter().zip(x).fold(self.initial, |acc, (&q, &x)| (self.accumulate)(acc, q, x));
        let value = (self.finish)(accumulated, q.len()) + 0.0;
        (!value.is_nan()).then_some(value)
    }

    fn tau(&self, _dtypes: (DType, DType), q: &[f64], x: &[f64], m: f64) -> Tau {
        Tau::both((self.tau)(q, x, m))
    }

    fn ordered_by_value(&self, _dtypes: (DType, DType), _dim: usize) -> bool {
        true
    }
}

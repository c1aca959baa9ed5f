//! Exact nearest-neighbour search on every GPU.

mod dtype;
mod error;
mod metric;
pub mod reference;

pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use metric::{CustomMetric, Metric, Order};

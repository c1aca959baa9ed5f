//! Exact nearest-neighbour search on every GPU.

mod dtype;
mod error;
pub mod format;
mod metric;

pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use format::RowSource;
pub use metric::{CustomMetric, Metric, Order};

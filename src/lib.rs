//! Exact nearest-neighbour search on every GPU.
#![allow(dead_code)]
mod dtype;
mod error;
mod kernel;
mod metric;

pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use kernel::{KernelVariant, kernel_variants};
pub use metric::{CustomMetric, Metric, Order};

//! Exact nearest-neighbour search on every GPU.
#![allow(dead_code)]
mod buffer;
mod device;
mod dtype;
mod error;
pub mod format;
mod index;
mod kernel;
mod metric;
mod ops;
pub mod reference;

pub use buffer::Matrix;
pub use device::{
    AdapterSummary, Backend, Caps, CoopShape, DeviceType, Gpu, GpuBuilder, LabelUse, MemoryReport,
    Profile,
};
pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use format::RowSource;
pub use index::{
    BinaryFlat, Flat, Hits, IdFilter, Index, Progress, QueryFilter, RangeHits, SearchParams,
    index_factory, read_index,
};
pub use kernel::{KernelVariant, kernel_variants};
pub use metric::{CustomMetric, Metric, Order};
pub use ops::{CancelToken, Pending, SearchStats, StageTime, normalise, pairwise, row_norms};

/// Runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Exact nearest-neighbour search on every GPU.

// The layers above use what is unused here.
#[allow(dead_code)]
mod buffer;
#[allow(dead_code)]
mod device;
mod dtype;
mod error;
mod format;
mod metric;

pub use buffer::Matrix;
pub use device::{
    AdapterSummary, Backend, Caps, CoopShape, DeviceType, Gpu, GpuBuilder, LabelUse, MemoryReport,
    Profile,
};
pub use dtype::{DType, Rows};
pub use error::{Error, Result};
pub use format::RowSource;
pub use metric::{CustomMetric, Metric, Order};

//! Queries as the kernels of a search read them.

use super::rounded::int8_queries::Int8Queries;
use crate::buffer::Buffer;

/// Some queries on the device.
#[derive(Clone)]
pub(crate) struct Upload {
    pub count: u32,
    /// f32, for stage A and the floating pairs.
    pub floats: Option<Buffer>,
    pub float_stride4: u32,
    /// What the pair's kernel reads: `floats`, or packed.
    pub exact: Buffer,
    pub exact_stride4: u32,
    /// |q| of all, rounded up, and behind them what each lost in bytes: one upload costs a single query as much as a kernel.
    pub norms: Option<Buffer>,
    pub int8: Option<Int8Queries>,
}

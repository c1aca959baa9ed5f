//! Queries as the kernels of a search read them.

use super::rounded::int8_queries::Int8Queries;
use crate::buffer::Buffer;
use crate::dtype::DType;

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
    /// Where the rows are codes and kernels have no binding for what they are looked up in: where in `exact`, in groups of four, that begins.
    pub ranges: Option<u32>,
}

impl Upload {
    /// The same queries for the centroids of lists: bits as they are, all others for rows of f32.
    pub fn for_centroids(&self, dtype: DType) -> Option<Upload> {
        if dtype == DType::Bits { Some(self.clone()) } else { self.for_floats() }
    }

    /// The same queries for rows of f32, if they are there in f32.
    fn for_floats(&self) -> Option<Upload> {
        let plain = self.floats.clone()?;
        Some(Upload {
            floats: Some(plain.clone()),
            exact: plain,
            exact_stride4: self.float_stride4,
            ranges: None,
            ..self.clone()
        })
    }
}

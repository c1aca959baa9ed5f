//! The adapter that a command runs on.

use super::failure::Result;
use crate::args::Global;
use nearfield::{Gpu, GpuBuilder};

/// A builder of the adapter and the memory budget that were asked for; the best adapter where none was.
pub fn builder(global: &Global) -> GpuBuilder {
    let mut builder = Gpu::builder();
    if let Some(name) = &global.adapter {
        builder = builder.adapter(name);
    }
    if let Some(bytes) = global.memory_budget {
        builder = builder.memory_budget(bytes);
    }
    builder
}

pub fn open(global: &Global) -> Result<Gpu> {
    Ok(builder(global).build()?)
}

//! A submission on its way: what comes back of it, which variants ran and how long they took.

use super::trace::Trace;
use crate::buffer::{Bytes, Landing, Readback};
use crate::device::Gpu;
use crate::error::Result;
use std::borrow::Cow;

/// A submission in flight.
pub(crate) struct Flight {
    gpu: Gpu,
    readback: Readback,
    trace: Option<Trace>,
}

/// A submission that has come back.
pub(crate) struct Landed {
    /// The bytes of each range asked for.
    pub parts: Vec<Bytes>,
    /// Names of the variants in order of their first dispatch.
    pub variants: Vec<String>,
    /// Device nanoseconds of each stage; empty unless timed.
    pub times: Vec<(&'static str, u64)>,
}

impl Flight {
    pub(super) fn new(gpu: Gpu, readback: Readback, trace: Trace) -> Flight {
        Flight { gpu, readback, trace: Some(trace) }
    }

    /// What it comes back with.
    pub fn landing(&self) -> Landing {
        self.readback.landing()
    }

    /// Whether it is back, or never will be.
    pub fn has_landed(&self) -> bool {
        self.readback.has_landed()
    }

    /// Blocks until it is back.
    pub fn wait(mut self) -> Result<Landed> {
        let index = self.readback.index();
        let trace = self.trace.take();
        let parts = self.readback.wait()?;
        land(&self.gpu, parts, trace, &index)
    }
}

fn land(
    gpu: &Gpu,
    parts: Vec<Bytes>,
    trace: Option<Trace>,
    index: &wgpu::SubmissionIndex,
) -> Result<Landed> {
    let trace = trace.unwrap_or_default();
    let variants = trace.kernels.iter().map(|k| k.name().to_owned()).collect();
    Ok(Landed { parts, variants, times: trace.times(gpu, index)? })
}

/// Words that came back from the device.
pub(crate) fn words(bytes: &[u8]) -> Cow<'_, [u32]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(words) => Cow::Borrowed(words),
        // a vector of bytes may lie anywhere
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
    }
}

//! What ran in a submission, and how long each stage of it took.

use super::cache::Kernel;
use crate::device::{Gpu, PassTimer};
use crate::error::Result;
use std::sync::Arc;

/// What one submission was, for stats and benches.
#[derive(Default)]
pub(super) struct Trace {
    /// The variants that ran, in order of their first dispatch.
    pub kernels: Vec<Arc<Kernel>>,
    timer: Option<PassTimer>,
    /// The stages of the timed passes.
    stages: Vec<&'static str>,
}

impl Trace {
    /// `stages` names the passes that `timer` timed, in their order.
    pub fn new(
        kernels: Vec<Arc<Kernel>>,
        timer: Option<PassTimer>,
        stages: Vec<&'static str>,
    ) -> Trace {
        Trace { kernels, timer, stages }
    }

    /// Nanoseconds of each stage on the device; empty without timestamps. Waits for the submission.
    pub fn times(
        self,
        gpu: &Gpu,
        index: &wgpu::SubmissionIndex,
    ) -> Result<Vec<(&'static str, u64)>> {
        match self.timer {
            None => Ok(Vec::new()),
            Some(timer) => Ok(self.stages.into_iter().zip(timer.read(gpu, index)?).collect()),
        }
    }
}

//! Waiting for a [`Completion`] on the thread that needs it.

use super::completion::Completion;
use super::gpu::Gpu;
use crate::error::{Error, Result};
use std::time::{Duration, Instant};

impl Completion {
    /// Drives the device until it is set, then returns the outcome.
    pub(crate) fn wait(&self, gpu: &Gpu, index: &wgpu::SubmissionIndex) -> Result<()> {
        self.settle(gpu, index)?;
        self.outcome(gpu)
    }

    /// Drives the device until it is set, however the work ended: for those who wait for the end of what is not theirs, which
    /// its owner may have dropped.
    pub(crate) fn settle(&self, gpu: &Gpu, index: &wgpu::SubmissionIndex) -> Result<()> {
        // A blocked thread wakes tens of microseconds late, which is much of a single query's time.
        let until = Instant::now() + gpu.spin();
        while self.get().is_none() && Instant::now() < until {
            gpu.tick()?;
        }
        while self.get().is_none() {
            if gpu.wait_slice(index)? {
                // The submission is done; its callback may still be running on another thread that polls.
                self.pause(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    /// How the work ended, as a result.
    pub(crate) fn outcome(&self, gpu: &Gpu) -> Result<()> {
        gpu.check_alive()?;
        if self.get() == Some(true) {
            return Ok(());
        }
        // wgpu reports every other failure to the error scope that was open when the map was asked for.
        gpu.mark_lost("a buffer could not be mapped");
        gpu.check_alive()?;
        Err(Error::internal("a buffer could not be mapped"))
    }
}

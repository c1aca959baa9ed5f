//! How long passes take on the device itself.

use super::completion::Completion;
use super::gpu::Gpu;
use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Timestamps around compute passes of one encoder.
///
/// Give [`PassTimer::pass`] to each pass, [`PassTimer::resolve`] before the encoder is finished, and
/// [`PassTimer::read`] after its submission.
pub(crate) struct PassTimer {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    host: wgpu::Buffer,
    capacity: u32,
    used: AtomicU32,
}

impl PassTimer {
    /// For `passes` passes, at most 2048; `None` on adapters without timestamps.
    pub(crate) fn new(gpu: &Gpu, passes: u32) -> Result<Option<PassTimer>> {
        if !gpu.caps().timestamps {
            return Ok(None);
        }
        let capacity = passes.clamp(1, wgpu::QUERY_SET_MAX_QUERIES / 2);
        let (label, size) = (Some("timestamps"), u64::from(capacity) * 16);
        let buffer = |usage| {
            let descriptor =
                wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false };
            gpu.device().create_buffer(&descriptor)
        };
        gpu.scoped("timestamps", || {
            let set = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
                label,
                ty: wgpu::QueryType::Timestamp,
                count: capacity * 2,
            });
            let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
            let host = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
            Some(PassTimer { set, resolved, host, capacity, used: AtomicU32::new(0) })
        })
    }

    /// The writes for the next pass; `None` after as many as the timer was made for: such a pass is not timed.
    pub(crate) fn pass(&self) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        let next = |used| (used < self.capacity).then_some(used + 1);
        let used = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(used * 2),
            end_of_pass_write_index: Some(used * 2 + 1),
        })
    }

    /// Records the collection of the timestamps.
    pub(crate) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        let used = self.used.load(Ordering::Relaxed);
        if used > 0 {
            encoder.resolve_query_set(&self.set, 0..used * 2, &self.resolved, 0);
            encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.host, 0, u64::from(used) * 16);
        }
    }

    /// Nanoseconds of each pass in the order of [`PassTimer::pass`]; waits for the submission.
    pub(crate) fn read(self, gpu: &Gpu, index: &wgpu::SubmissionIndex) -> Result<Vec<u64>> {
        let used = self.used.load(Ordering::Relaxed) as usize;
        if used == 0 {
            return Ok(Vec::new());
        }
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        gpu.scoped("timestamps", || {
            self.host.map_async(wgpu::MapMode::Read, .., move |outcome| done.set(outcome.is_ok()));
        })?;
        completion.wait(gpu, index)?;
        let failed = |e| Error::internal(format!("timestamps: {e}"));
        let view = self.host.get_mapped_range(..).map_err(failed)?;
        let period = f64::from(gpu.queue().get_timestamp_period());
        let tick = |b: &[u8]| b.try_into().map_or(0, u64::from_le_bytes);
        let pairs = view.chunks_exact(16).take(used);
        // Some drivers answer a pass that did nothing with an end before its start.
        let ticks = pairs.map(|p| tick(&p[8..]).saturating_sub(tick(&p[..8])));
        Ok(ticks.map(|t| (t as f64 * period) as u64).collect())
    }
}

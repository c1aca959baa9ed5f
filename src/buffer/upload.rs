//! From the host to the device, through a bounded ring of mapped buffers.

use super::Buffer;
use super::pool::Kind;
use crate::device::{Completion, Gpu};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Bytes of one staging buffer: large enough to hide a submission, small enough to stay in the processor's cache.
pub(super) const BLOCK_BYTES: u64 = 8 << 20;
const SLOTS: usize = 3;

/// Copies blocks to device buffers; the host fills one while the device copies the others.
pub(super) struct Uploader {
    gpu: Gpu,
    block_bytes: u64,
    slots: Vec<Slot>,
    next: usize,
}

struct Slot {
    gpu: Gpu,
    staging: Buffer,
    /// `None` while the host may write.
    flight: Option<(wgpu::SubmissionIndex, Arc<Completion>)>,
}

impl Uploader {
    /// For blocks of about `block_bytes`; a larger one makes a larger ring.
    pub(super) fn new(gpu: &Gpu, block_bytes: u64) -> Self {
        Uploader { gpu: gpu.clone(), block_bytes, slots: Vec::new(), next: 0 }
    }

    pub(super) fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// Has `fill` write `bytes` (a multiple of 4), and copies them to `to` at `offset`.
    pub(super) fn copy(
        &mut self,
        to: &Buffer,
        offset: u64,
        bytes: u64,
        fill: impl FnOnce(wgpu::WriteOnly<'_, [u8]>),
    ) -> Result<()> {
        if bytes > self.block_bytes {
            self.slots.clear();
            (self.block_bytes, self.next) = (bytes, 0);
        }
        let gpu = self.gpu.clone();
        let slot = self.slot()?;
        let raw = slot.staging.raw();
        let filled = gpu.scoped("upload", || {
            raw.get_mapped_range_mut(..bytes).map(|mut view| fill(view.slice(..)))
        })?;
        filled.map_err(|e| Error::internal(format!("upload: {e}")))?;
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        let index = gpu.scoped("upload", || {
            raw.unmap();
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(raw, 0, to.raw(), offset, bytes);
            let index = gpu.queue().submit([encoder.finish()]);
            raw.map_async(wgpu::MapMode::Write, .., move |outcome| done.set(outcome.is_ok()));
            index
        })?;
        slot.flight = Some((index, completion));
        Ok(())
    }

    /// The next slot of the ring, mapped.
    fn slot(&mut self) -> Result<&mut Slot> {
        let next = self.next;
        self.next = (next + 1) % SLOTS;
        if next == self.slots.len() {
            let slot = Slot::new(&self.gpu, self.block_bytes)?;
            self.slots.push(slot);
        }
        let slot = &mut self.slots[next];
        if let Some((index, completion)) = &slot.flight {
            completion.wait(&self.gpu, index)?;
            slot.flight = None;
        }
        Ok(slot)
    }
}

impl Slot {
    fn new(gpu: &Gpu, bytes: u64) -> Result<Slot> {
        let (staging, fresh) = gpu.pooled(Kind::Upload, "upload", bytes, true)?;
        let mut slot = Slot { gpu: gpu.clone(), staging, flight: None };
        if fresh {
            return Ok(slot);
        }
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        let index = gpu.scoped("upload", || {
            let raw = slot.staging.raw();
            raw.map_async(wgpu::MapMode::Write, .., move |outcome| done.set(outcome.is_ok()));
            gpu.queue().submit([])
        })?;
        slot.flight = Some((index, completion));
        Ok(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Also takes back a mapping that is still to come; the pool keeps unmapped buffers only.
        if self.gpu.scoped("upload", || self.staging.raw().unmap()).is_err() {
            self.staging.discard();
        }
    }
}

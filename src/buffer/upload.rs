//! From the host to the device, through a bounded ring of mapped buffers.

use super::handle::Buffer;
use super::pool::Kind;
use crate::device::{Completion, Gpu};
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of one staging buffer: large enough to hide a submission also where many threads fill it.
pub(super) const BLOCK_BYTES: u64 = 32 << 20;
/// Where memory is short, a staging buffer has this share of what is left, and at least so many bytes.
const SHARE: u64 = 32;
const LEAST_BYTES: u64 = 64 << 10;
/// Staging buffers of a ring at most. There is one queue: while kernels run on it the copies wait, and the host meanwhile fills
/// as many buffers as the ring has.
const SLOTS: u64 = 8;

/// Copies blocks to device buffers; the host fills one while the device copies the others.
pub(crate) struct Uploader {
    gpu: Gpu,
    block_bytes: u64,
    /// In the order in which the device is done with them.
    slots: VecDeque<Slot>,
    most_slots: usize,
}

struct Slot {
    gpu: Gpu,
    staging: Buffer,
    /// What the host waits for before it may write again; `None` while it may.
    pending: Option<(wgpu::SubmissionIndex, Arc<Completion>)>,
}

impl Uploader {
    /// For `total` bytes in blocks of at least `least`, when `needed` bytes of device memory are still to be taken; a
    /// larger block makes a larger ring.
    pub(super) fn new(gpu: &Gpu, total: u64, needed: u64, least: u64) -> Self {
        // Small uploads take small staging buffers.
        let left = gpu.ledger().available().saturating_sub(needed);
        let share = (left / SHARE).max(LEAST_BYTES);
        let block_bytes = BLOCK_BYTES.min(total).min(share).max(least);
        // Where little memory is left, even the least block may be more than its share: then the ring has fewer blocks.
        let most_slots = (left / SHARE * SLOTS / block_bytes.max(1)).clamp(2, SLOTS) as usize;
        Uploader { gpu: gpu.clone(), block_bytes, slots: VecDeque::new(), most_slots }
    }

    pub(super) fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// Has `fill` write `bytes` (a multiple of 4) to a mapped buffer, and copies them to `to` at `offset`; where `fill`
    /// fails, nothing is.
    pub(super) fn copy(
        &mut self,
        to: &Buffer,
        offset: u64,
        bytes: u64,
        fill: impl FnOnce(&wgpu::Buffer) -> Result<()>,
    ) -> Result<()> {
        if bytes > self.block_bytes {
            self.slots.clear();
            self.block_bytes = bytes;
        }
        let mut slot = self.slot()?;
        slot.wait()?;
        let raw = slot.staging.raw();
        if let Err(refused) = self.gpu.scoped("upload", || fill(raw))? {
            self.slots.push_front(slot);
            return Err(refused);
        }
        let completion = Arc::new(Completion::default());
        let done = Arc::clone(&completion);
        let index = self.gpu.scoped("upload", || {
            raw.unmap();
            let mut encoder = self.gpu.device().create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(raw, 0, to.raw(), offset, bytes);
            let index = self.gpu.queue().submit([encoder.finish()]);
            raw.map_async(wgpu::MapMode::Write, .., move |outcome| done.set(outcome.is_ok()));
            index
        })?;
        slot.pending = Some((index, completion));
        self.slots.push_back(slot);
        Ok(())
    }

    /// The slot that the device was done with first or, while the ring may grow and none is free, a new one.
    fn slot(&mut self) -> Result<Slot> {
        if self.slots.front().is_some_and(Slot::is_pending) {
            self.gpu.tick()?;
        }
        let free = self.slots.front().is_some_and(|slot| !slot.is_pending());
        if !free && self.slots.len() < self.most_slots {
            match Slot::new(&self.gpu, self.block_bytes) {
                // The ring works with the slots that it has.
                Err(Error::OutOfDeviceMemory { .. }) if !self.slots.is_empty() => {}
                other => return other,
            }
        }
        self.slots.pop_front().ok_or_else(|| Error::internal("a ring without slots"))
    }
}

impl Slot {
    fn new(gpu: &Gpu, bytes: u64) -> Result<Slot> {
        let (staging, fresh) = gpu.pooled(Kind::Upload, "upload", bytes, true)?;
        let mut slot = Slot { gpu: gpu.clone(), staging, pending: None };
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
        slot.pending = Some((index, completion));
        Ok(slot)
    }

    fn is_pending(&self) -> bool {
        self.pending.as_ref().is_some_and(|(_, completion)| completion.get().is_none())
    }

    /// Waits until the host may write.
    fn wait(&mut self) -> Result<()> {
        if let Some((index, completion)) = &self.pending {
            completion.wait(&self.gpu, index)?;
            self.pending = None;
        }
        Ok(())
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

//! Small uploads, copied by the encoder that uses them.
//!
//! `Queue::write_buffer` makes and frees a staging buffer a call, which took 0.25 ms each on an H200; these stay mapped
//! between calls.

use super::handle::Buffer;
use super::pool::{self, Kind, Pool};
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::parallel::each;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The smallest staging buffer.
const LEAST: u64 = 4096;
/// Bytes that one thread copies at a time.
const PIECE: usize = 256 << 10;
/// Bytes that are kept for the next calls at most; what is beyond is freed.
const MOST_KEPT: u64 = 256 << 20;

/// Mapped staging buffers by size.
#[derive(Default)]
pub(super) struct Ready {
    free: Mutex<BTreeMap<u64, Vec<Buffer>>>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<Buffer>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, class: u64) -> Option<Buffer> {
        let buffer = self.lock().get_mut(&class)?.pop()?;
        buffer.ledger().unkeep(buffer.label(), buffer.size());
        Some(buffer)
    }

    fn give(&self, buffer: Buffer) {
        let mut free = self.lock();
        let kept: u64 = free.iter().map(|(size, list)| size * list.len() as u64).sum();
        if kept + buffer.size() <= MOST_KEPT {
            buffer.ledger().pool_in(buffer.label(), buffer.size());
            free.entry(buffer.size()).or_default().push(buffer);
        }
    }

    /// Lets go of all.
    pub(super) fn trim(&self) {
        let kept = std::mem::take(&mut *self.lock());
        for buffer in kept.into_values().flatten() {
            buffer.ledger().unkeep(buffer.label(), buffer.size());
        }
    }
}

/// Bytes on their way into an encoder: copy from `buffer`, submit, then recycle.
pub(crate) struct Staged {
    buffer: Buffer,
    home: Weak<Ready>,
}

impl Gpu {
    /// Writes bytes to a staging buffer, zeros up to the next multiple of 4.
    pub(crate) fn stage(&self, bytes: &[u8]) -> Result<Staged> {
        let ready = self.state::<Ready>()?;
        let class = pool::class((bytes.len() as u64).max(LEAST));
        let buffer = match ready.take(class) {
            Some(buffer) => buffer,
            None => {
                let pool = self.state::<Pool>()?;
                let raw = self.make(&pool, Kind::Upload, "staging", class, true)?;
                self.wrap(raw, class, "staging", None)
            }
        };
        let padded = bytes.len().next_multiple_of(4);
        // Pieces of a large upload are copied on several threads.
        let write = |start: usize| {
            let end = (start + PIECE).min(padded);
            let piece = &bytes[start..end.min(bytes.len())];
            let mut view = buffer
                .raw()
                .get_mapped_range_mut(start as u64..end as u64)
                .map_err(|e| Error::internal(format!("staging: {e}")))?;
            view.slice(..piece.len()).copy_from_slice(piece);
            view.slice(piece.len()..end - start).fill(0);
            Ok(())
        };
        self.scoped("staging", || {
            let written = each((0..padded).step_by(PIECE).collect(), write);
            buffer.raw().unmap();
            written
        })??;
        Ok(Staged { buffer, home: Arc::downgrade(&ready) })
    }
}

impl Staged {
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Maps the buffer again once the submission that copied from it is done; call it after submitting.
    pub(crate) fn recycle(self, gpu: &Gpu) -> Result<()> {
        let raw = self.buffer.raw().clone();
        gpu.scoped("staging", || {
            raw.map_async(wgpu::MapMode::Write, .., move |outcome| {
                if let (Ok(()), Some(home)) = (outcome, self.home.upgrade()) {
                    home.give(self.buffer);
                }
            });
        })
    }
}

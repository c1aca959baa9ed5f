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
use std::ops::Range;
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

/// A mapped staging buffer in the making.
pub(crate) struct Staging {
    buffer: Buffer,
    home: Weak<Ready>,
}

/// Some bytes of it, for one thread to write.
pub(crate) struct StagingPart(wgpu::BufferViewMut);

impl StagingPart {
    /// Writes bytes where they all have a place.
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.0.slice(at..at + bytes.len()).copy_from_slice(bytes);
    }
}

impl Staging {
    /// These bytes, which no other part has; they begin at a multiple of 8, and are a multiple of 4.
    pub(crate) fn part(&self, bytes: Range<u64>) -> Result<StagingPart> {
        let view = self.buffer.raw().get_mapped_range_mut(bytes);
        view.map(StagingPart).map_err(|e| Error::internal(format!("staging: {e}")))
    }

    /// Ends the writing, once all parts are gone.
    pub(crate) fn written(self, gpu: &Gpu) -> Result<Staged> {
        gpu.scoped("staging", || self.buffer.raw().unmap())?;
        Ok(Staged { buffer: self.buffer, home: self.home })
    }
}

impl Gpu {
    /// A mapped buffer of at least so many bytes.
    pub(crate) fn staging(&self, bytes: u64) -> Result<Staging> {
        let ready = self.state::<Ready>()?;
        let class = pool::class(bytes.max(LEAST));
        let buffer = match ready.take(class) {
            Some(buffer) => buffer,
            None => {
                let pool = self.state::<Pool>()?;
                let raw = self.make(&pool, Kind::Upload, "staging", class, true)?;
                self.wrap(raw, class, "staging", None)
            }
        };
        Ok(Staging { buffer, home: Arc::downgrade(&ready) })
    }

    /// Writes bytes to a staging buffer, zeros up to the next multiple of 4.
    pub(crate) fn stage(&self, bytes: &[u8]) -> Result<Staged> {
        let staging = self.staging(bytes.len() as u64)?;
        let padded = bytes.len().next_multiple_of(4);
        // Pieces of a large upload are copied on several threads.
        each((0..padded).step_by(PIECE).collect(), |start: usize| {
            let end = (start + PIECE).min(padded);
            let piece = &bytes[start..end.min(bytes.len())];
            let mut part = staging.part(start as u64..end as u64)?;
            part.write(0, piece);
            part.write(piece.len(), &[0; 3][..end - start - piece.len()]);
            Ok(())
        })?;
        staging.written(self)
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

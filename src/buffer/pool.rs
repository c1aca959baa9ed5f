//! Buffers that wait for their next use.

use super::raw::Raw;
use crate::device::Ledger;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a buffer is for; wgpu allows no other mixture of host and device access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Read and written by kernels.
    Device,
    /// Filled by the host, copied from.
    Upload,
    /// Copied to, read by the host.
    Download,
}

impl Kind {
    pub(super) fn usage(self) -> wgpu::BufferUsages {
        use wgpu::BufferUsages as U;
        match self {
            Kind::Device => U::STORAGE | U::COPY_SRC | U::COPY_DST,
            Kind::Upload => U::MAP_WRITE | U::COPY_SRC,
            Kind::Download => U::MAP_READ | U::COPY_DST,
        }
    }
}

/// Free buffers by kind and size, then by number.
type Free = BTreeMap<(Kind, u64), BTreeMap<u64, Arc<Raw>>>;

/// The free buffers of one device.
#[derive(Default)]
pub(super) struct Pool {
    free: Mutex<Free>,
}

/// The size that is made when `bytes` are asked for: four steps an octave, so at most a quarter is wasted.
pub(super) fn class(bytes: u64) -> u64 {
    let bytes = bytes.max(256);
    let step = 1u64 << (bytes.ilog2() - 2);
    bytes.checked_next_multiple_of(step).unwrap_or(bytes)
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of just this size class, if one is free: that of the least number, whatever the order in which they came back, so that
    /// a call gets those that the same call before it had, and finds their bind groups.
    pub(super) fn take(&self, kind: Kind, class: u64) -> Option<Arc<Raw>> {
        self.lock().get_mut(&(kind, class))?.pop_first().map(|(_, raw)| raw)
    }

    /// Takes an unmapped buffer back.
    pub(super) fn give(&self, kind: Kind, raw: Arc<Raw>) {
        self.lock().entry((kind, raw.size())).or_default().insert(raw.number(), raw);
    }

    /// Lets go of buffers, the largest first, until the budget has `bytes` left or none is there.
    pub(super) fn trim(&self, ledger: &Ledger, bytes: u64) {
        let mut free = self.lock();
        let mut buffers: Vec<_> = std::mem::take(&mut *free).into_iter().collect();
        buffers.sort_by_key(|((_, size), _)| *size);
        while let Some(((kind, size), mut list)) = buffers.pop() {
            while ledger.unreserved() < bytes && list.pop_last().is_some() {
                ledger.unpool(size);
            }
            if !list.is_empty() {
                free.insert((kind, size), list);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_is_asked_and_waste_a_quarter_at_most() {
        for bytes in [0, 1, 255, 256, 257, 1000, 1025, 1 << 20, (1 << 20) + 1, 5_000_000_000] {
            let c = class(bytes);
            assert!(c >= bytes && c.is_multiple_of(16), "{bytes}: {c}");
            assert!(c <= 256.max(bytes + bytes / 4 + 1), "{bytes}: {c}");
            assert_eq!(class(c), c);
        }
    }
}

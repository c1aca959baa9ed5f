//! A buffer of the driver's under a number of its own.

use crate::device::BindGroups;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// What the pool keeps and a [`Buffer`](super::Buffer) is made of. What is kept of it elsewhere is kept under its number, which no other
/// buffer ever has, and goes with it.
pub(super) struct Raw {
    buffer: wgpu::Buffer,
    number: u64,
    /// Whether a bind group was made of it.
    bound: AtomicBool,
    groups: Weak<BindGroups>,
}

impl Raw {
    pub fn new(buffer: wgpu::Buffer, groups: Weak<BindGroups>) -> Raw {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Raw { buffer, number, bound: AtomicBool::new(false), groups }
    }

    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    pub fn size(&self) -> u64 {
        self.buffer.size()
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number, for whoever makes a bind group of it.
    pub fn bind(&self) -> u64 {
        self.bound.store(true, Ordering::Relaxed);
        self.number
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if *self.bound.get_mut()
            && let Some(groups) = self.groups.upgrade()
        {
            groups.forget(self.number);
        }
    }
}

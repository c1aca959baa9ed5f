//! Timestamps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// A set of timestamps, in nanoseconds; clones are the same set.
#[derive(Clone, Debug)]
pub struct Queries {
    values: Arc<[AtomicU64]>,
}

impl Queries {
    pub fn new(count: u32) -> Queries {
        Queries { values: (0..count).map(|_| AtomicU64::new(0)).collect() }
    }

    pub fn write(&self, index: u32) {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        // 0 is what a timestamp that was not written reads as.
        let now = START.elapsed().as_nanos() as u64 + 1;
        self.values[index as usize].store(now, Ordering::Relaxed);
    }

    pub fn clear(&self, index: u32) {
        self.values[index as usize].store(0, Ordering::Relaxed);
    }

    pub fn value(&self, index: u32) -> u64 {
        self.values[index as usize].load(Ordering::Relaxed)
    }
}

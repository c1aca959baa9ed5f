//! For tests alone: what was dispatched on a device.

use std::sync::{Mutex, PoisonError};

/// Variants in the order of their dispatches, each with the bytes of its binding `rows`.
#[derive(Default)]
pub(crate) struct Dispatched(Mutex<Vec<(String, u64)>>);

impl Dispatched {
    pub(super) fn push(&self, variant: &str, rows: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((variant.to_owned(), rows));
    }

    /// Those since the last call.
    pub(crate) fn take(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

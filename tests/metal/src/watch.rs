//! What a test sees of the GPU from outside, and does to it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The faults that kernels had; clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    list: Arc<Mutex<Vec<String>>>,
}

impl Faults {
    /// What was found so far, in the words that were printed.
    pub fn list(&self) -> Vec<String> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, fault: &impl Display) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(fault.to_string());
    }
}

/// Takes the GPU away; clones do the same.
#[derive(Clone, Debug, Default)]
pub struct Loss {
    asked_for: Arc<AtomicBool>,
}

impl Loss {
    /// From now on what is submitted is not carried out: the device is lost.
    pub fn lose(&self) {
        self.asked_for.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.asked_for.load(Ordering::Relaxed)
    }
}

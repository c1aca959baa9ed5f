//! The end of one piece of device work, awaited by a thread or by a task.

use futures::task::AtomicWaker;
use std::sync::{Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// Set once, by wgpu's callback or by whoever sees that the device is lost.
#[derive(Default)]
pub(crate) struct Completion {
    /// `Some(false)` is a failure.
    done: Mutex<Option<bool>>,
    changed: Condvar,
    waker: AtomicWaker,
}

impl Completion {
    /// Records how the work ended and wakes whoever waits; only the first call counts.
    pub(crate) fn set(&self, ok: bool) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(ok);
        self.changed.notify_all();
        self.waker.wake();
    }

    /// How the work ended; `None` while it runs.
    pub(crate) fn get(&self) -> Option<bool> {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for another thread to set it, at most for `moment`.
    pub(crate) fn pause(&self, moment: Duration) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.is_none() {
            drop(self.changed.wait_timeout(done, moment).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Asks for `waker` to be woken; look at [`Completion::get`] afterwards, not before.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}

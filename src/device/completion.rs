//! The end of one piece of device work, awaited by a thread or by a task.

use super::Gpu;
use crate::error::{Error, Result};
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
    pub(crate) fn set(&self, ok: bool) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(ok);
        self.changed.notify_all();
        self.waker.wake();
    }

    pub(crate) fn get(&self) -> Option<bool> {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a moment for another thread to set it.
    pub(crate) fn pause(&self, moment: Duration) {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        if done.is_none() {
            drop(self.changed.wait_timeout(done, moment).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Drives the device until it is set.
    pub(crate) fn wait(&self, gpu: &Gpu, index: &wgpu::SubmissionIndex) -> Result<()> {
        while self.get().is_none() {
            if gpu.wait_slice(index)? {
                // The submission is done; its callback may still be running on another thread that polls.
                self.pause(Duration::from_millis(1));
            }
        }
        self.outcome(gpu)
    }

    /// What it was set to, as a result.
    pub(crate) fn outcome(&self, gpu: &Gpu) -> Result<()> {
        gpu.check_alive()?;
        if self.get() == Some(true) {
            return Ok(());
        }
        // wgpu reports every other failure to the error scope that was open when the map was asked for.
        gpu.mark_lost("a buffer could not be mapped");
        gpu.check_alive()?;
        Err(Error::internal("a buffer could not be mapped"))
    }

    /// Asks for `waker` to be woken; look at [`Completion::get`] afterwards, not before.
    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}

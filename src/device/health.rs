//! Whether the device still lives, and the calls that may find out that it does not.

use crate::error::{Error, Result};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How long one wait for the device lasts before its loss is looked for again.
///
/// Longer than any submission should take: a wait that runs out while another thread polls can trip an assertion in
/// wgpu-core 30 (it reads the fence, the other empties the queue, and it finds the queue empty too early).
pub(super) const WAIT_SLICE: Duration = Duration::from_secs(10);

/// The state of one device, shared with wgpu's callbacks and the polling thread.
#[derive(Default)]
pub(super) struct Health {
    /// Why the device is lost, once it is.
    lost: OnceLock<String>,
    /// The last error that no scope caught.
    uncaptured: Mutex<Option<String>>,
}

impl Health {
    pub(super) fn check(&self) -> Result<()> {
        match self.lost.get() {
            None => Ok(()),
            Some(reason) => Err(Error::DeviceLost { reason: reason.clone() }),
        }
    }

    /// The first reason stays: later ones are its consequences.
    pub(super) fn lose(&self, reason: &str) {
        let last = self.uncaptured.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reason = match last {
            Some(error) => format!("{reason} (before it: {error})"),
            None => reason.to_owned(),
        };
        let _ = self.lost.set(reason);
    }

    /// Keeps an error that no scope caught, to name it should the device be lost.
    pub(super) fn uncaptured(&self, error: &wgpu::Error) {
        log::error!("wgpu: {error}");
        *self.uncaptured.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    /// Waits up to `slice` for a submission, or for all of them; returns whether it is done.
    pub(super) fn wait(
        &self,
        device: &wgpu::Device,
        index: Option<&wgpu::SubmissionIndex>,
        slice: Duration,
    ) -> Result<bool> {
        let submission_index = index.cloned();
        self.poll(device, wgpu::PollType::Wait { submission_index, timeout: Some(slice) })
    }

    /// Polls the device; `Ok(false)` when the time ran out.
    pub(super) fn poll(&self, device: &wgpu::Device, how: wgpu::PollType) -> Result<bool> {
        // wgpu reports a loss that it meets in here as a panic, not through the lost callback alone.
        let outcome = catch_unwind(AssertUnwindSafe(|| device.poll(how)));
        if let Err(panic) = &outcome {
            if raced(panic.as_ref()) {
                return Ok(true);
            }
            self.lose("the driver failed while waiting for it");
        }
        self.check()?;
        match outcome {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(wgpu::PollError::Timeout)) => Ok(false),
            Ok(Err(e)) => Err(Error::internal(e.to_string())),
            Err(_) => Ok(false), // `check` returned above
        }
    }
}

/// Whether wgpu-core panicked only because another thread emptied the queue between two of its steps, which its own
/// words say: everything is done then, and the device is well.
fn raced(panic: &(dyn Any + Send)) -> bool {
    panic.downcast_ref::<String>().is_some_and(|words| words.starts_with("If the queue is empty"))
}

/// Runs `f` inside wgpu's three error scopes and returns, beside its value, the gravest error.
pub(super) fn in_scopes<T>(
    device: &wgpu::Device,
    f: impl FnOnce() -> T,
) -> (T, Option<wgpu::Error>) {
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let value = f();
    let memory = pollster::block_on(memory.pop());
    let validation = pollster::block_on(validation.pop());
    let internal = pollster::block_on(internal.pop());
    (value, memory.or(validation).or(internal))
}

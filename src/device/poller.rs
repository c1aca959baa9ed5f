//! The one thread that drives the device for futures.

use super::completion::Completion;
use super::health::{Health, WAIT_SLICE};
use crate::error::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Its thread starts with the first future that is polled, sleeps while none waits, and ends when the [`Poller`] is dropped.
pub(super) struct Poller {
    shared: Arc<Shared>,
    device: wgpu::Device,
    health: Arc<Health>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: bool,
    closed: bool,
    /// In the order of submission, which is the order in which they end.
    waiting: VecDeque<(wgpu::SubmissionIndex, Arc<Completion>)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Poller {
    pub(super) fn new(device: wgpu::Device, health: Arc<Health>) -> Self {
        Poller { shared: Arc::default(), device, health }
    }

    pub(super) fn watch(
        &self,
        index: wgpu::SubmissionIndex,
        completion: Arc<Completion>,
    ) -> Result<()> {
        let mut state = self.shared.lock();
        if !state.started {
            let (shared, device) = (Arc::clone(&self.shared), self.device.clone());
            let health = Arc::clone(&self.health);
            std::thread::Builder::new()
                .name("nearfield-poll".into())
                .spawn(move || run(&shared, &device, &health))
                .map_err(|e| Error::internal(format!("the polling thread did not start: {e}")))?;
            state.started = true;
        }
        state.waiting.push_back((index, completion));
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        // Not joined: a waker may drop the last Gpu on the polling thread itself.
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

fn run(shared: &Shared, device: &wgpu::Device, health: &Health) {
    loop {
        let (index, completion) = {
            let mut state = shared.lock();
            loop {
                if state.closed {
                    return;
                }
                if let Some(front) = state.waiting.pop_front() {
                    break front;
                }
                state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        while completion.get().is_none() {
            match health.wait(device, Some(&index), WAIT_SLICE) {
                Err(_) => completion.set(false),
                // Done, but its callback is running on another thread that polls.
                Ok(true) => completion.pause(Duration::from_millis(1)),
                Ok(false) => {}
            }
            if shared.lock().closed {
                return;
            }
        }
    }
}

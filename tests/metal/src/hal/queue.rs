//! Commands are carried out in the order of their submissions by a thread of the queue's own, as a GPU does it beside the
//! processor.

use super::absent::{Resource, Surface};
use super::{Api, commands::Commands};
use crate::options::Options;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use wgpu::hal;

/// Whether a device is gone: after a fault, or because a test took it away.
#[derive(Clone, Debug, Default)]
pub struct Health {
    lost: Arc<AtomicBool>,
}

impl Health {
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }
}

/// How far a queue has come; clones are the same fence.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    reached: Arc<(Mutex<hal::FenceValue>, Condvar)>,
}

/// How often somebody who waits looks whether the device is still there.
const LOOK: Duration = Duration::from_millis(10);

impl Fence {
    pub fn value(&self) -> hal::FenceValue {
        *self.reached.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, value: hal::FenceValue) {
        *self.reached.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
        self.reached.1.notify_all();
    }

    /// Whether the value was reached in time.
    pub fn wait(
        &self,
        value: hal::FenceValue,
        timeout: Option<Duration>,
        health: &Health,
    ) -> Result<bool, hal::DeviceError> {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        let (lock, changed) = &*self.reached;
        let mut reached = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while *reached < value {
            if health.is_lost() {
                return Err(hal::DeviceError::Lost);
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(false);
            }
            reached = changed.wait_timeout(reached, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(true)
    }
}

/// What was submitted at once.
struct Submission {
    commands: Vec<Commands>,
    fence: Fence,
    value: hal::FenceValue,
}

#[derive(Debug)]
pub struct Queue {
    submissions: Sender<Submission>,
    /// How many were sent and are not carried out.
    pending: Fence,
    sent: Mutex<hal::FenceValue>,
    health: Health,
}

impl Queue {
    pub fn new(options: Arc<Options>, health: Health) -> Queue {
        let (submissions, received) = channel::<Submission>();
        let (pending, own) = (Fence::default(), health.clone());
        let done = pending.clone();
        thread::spawn(move || {
            for (number, submission) in (1..).zip(received) {
                if submission.run(&options, &own) {
                    submission.fence.reach(submission.value);
                }
                done.reach(number);
            }
        });
        Queue { submissions, pending, sent: Mutex::new(0), health }
    }
}

impl Submission {
    /// Whether it was carried out. A GPU that ran a kernel with a fault might do anything: the device is lost, and the reason
    /// is printed, since wgpu has no words for it.
    fn run(&self, options: &Options, health: &Health) -> bool {
        for commands in &self.commands {
            if options.loss.is_asked_for() {
                health.lose();
            }
            if health.is_lost() {
                return false;
            }
            if let Err(fault) = commands.execute(options) {
                eprintln!("{fault}");
                options.faults.add(&fault);
                health.lose();
                return false;
            }
        }
        true
    }
}

impl hal::Queue for Queue {
    type A = Api;

    unsafe fn submit(
        &self,
        command_buffers: &[&Commands],
        _surface_textures: &[&Resource],
        (fence, value): (&Fence, hal::FenceValue),
    ) -> Result<(), hal::DeviceError> {
        if self.health.is_lost() {
            return Err(hal::DeviceError::Lost);
        }
        let commands = command_buffers.iter().map(|commands| (*commands).clone()).collect();
        let submission = Submission { commands, fence: fence.clone(), value };
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.submissions.send(submission).map_err(|_| hal::DeviceError::Lost)
    }

    unsafe fn present(
        &self,
        surface: &Surface,
        _texture: Resource,
    ) -> Result<(), hal::SurfaceError> {
        match *surface {}
    }

    unsafe fn get_timestamp_period(&self) -> f32 {
        1.0
    }

    unsafe fn wait_for_idle(&self) -> Result<(), hal::DeviceError> {
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        self.pending.wait(sent, None, &self.health).map(|_| ())
    }
}

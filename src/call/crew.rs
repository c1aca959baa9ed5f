//! The one thread of a device that drives the calls which nobody blocks for.

use super::driver::{Driver, Job};
use crate::buffer::Landing;
use crate::device::Gpu;
use crate::error::{Error, Result};
use futures::task::AtomicWaker;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

thread_local! {
    /// Whether this is such a thread.
    static DRIVES: Cell<bool> = const { Cell::new(false) };
    /// Where the call lies that it is at, if it is at one.
    static AT: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// Whether this thread drives calls, and so must not wait for another to do it.
pub(super) fn drives_here() -> bool {
    DRIVES.get()
}

/// Its thread starts with the first call, sleeps while there is none, and ends before the device does.
#[derive(Default)]
struct Crew {
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Calls that the thread has not seen.
    new: Vec<Arc<dyn Driven>>,
}

/// A call as the thread sees it.
trait Driven: Send + Sync {
    /// Brings the call forward after what it waited for, which is waited for again; `None` when it is over.
    fn advance(&self, landed: Result<()>) -> Option<Landing>;
}

/// A call between the caller and the thread that drives it.
pub(super) struct Handed<J: Job> {
    call: Mutex<Call<J>>,
    /// Set by a caller who is gone while the thread is at it.
    gone: AtomicBool,
    waker: AtomicWaker,
}

enum Call<J: Job> {
    Running(Driver<J>),
    Ended(Result<J::Output>),
    /// The answer is taken, or the caller drives the call or wants it no more.
    Over,
}

/// The caller's end.
pub(super) struct Caller<J: Job>(Arc<Handed<J>>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the thread of `gpu` drive a call from here on.
pub(super) fn hand_over<J: Job + 'static>(gpu: &Gpu, driver: Driver<J>) -> Result<Caller<J>> {
    let crew = gpu.state::<Crew>()?;
    let (gone, waker) = (AtomicBool::new(false), AtomicWaker::new());
    let handed = Arc::new(Handed { call: Mutex::new(Call::Running(driver)), gone, waker });
    let mut thread = lock(&crew.thread);
    if thread.is_none() {
        let inbox = Arc::clone(&crew.inbox);
        let started = thread::Builder::new()
            .name("nearfield-calls".into())
            .spawn(move || run(&inbox))
            .map_err(|e| Error::internal(format!("the thread of calls did not start: {e}")))?;
        *thread = Some(started);
    }
    drop(thread);
    lock(&crew.inbox.state).new.push(Arc::<Handed<J>>::clone(&handed));
    crew.inbox.changed.notify_one();
    Ok(Caller(handed))
}

impl Drop for Crew {
    fn drop(&mut self) {
        lock(&self.inbox.state).closed = true;
        self.inbox.changed.notify_one();
        let thread = lock(&self.thread).take();
        // The last handle of the device may go on the thread itself, which cannot wait for its own end.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
        {
            // NVIDIA's driver (580.159.04) may hang where a thread that used a device ends while one is closed. It sleeps
            // now, since a call that it drives would hold the device.
            let _ = thread.join();
        }
    }
}

/// What `f` returns; a panic in it is an error, since a thread that ended would leave every call without an end.
fn quietly<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(Error::internal("a function that a call was given panicked")))
}

fn run(inbox: &Inbox) {
    DRIVES.set(true);
    let mut calls: Vec<(Arc<dyn Driven>, Landing)> = Vec::new();
    loop {
        let new = {
            let mut state = lock(&inbox.state);
            while calls.is_empty() && state.new.is_empty() {
                if state.closed {
                    return;
                }
                state = inbox.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::take(&mut state.new)
        };
        for call in new {
            calls.extend(call.advance(Ok(())).map(|landing| (call, landing)));
        }
        // There is one queue: what was submitted first ends first, whichever call it is of.
        let oldest = (0..calls.len()).min_by_key(|&at| calls[at].1.number());
        if let Some(oldest) = oldest {
            let (call, landing) = calls.swap_remove(oldest);
            calls.extend(call.advance(quietly(|| landing.wait())).map(|landing| (call, landing)));
        }
    }
}

impl<J: Job> Driven for Handed<J> {
    fn advance(&self, landed: Result<()>) -> Option<Landing> {
        let mut call = lock(&self.call);
        if self.gone.load(Ordering::Acquire) {
            *call = Call::Over;
        }
        let Call::Running(driver) = &mut *call else { return None };
        // what a caller's own function does in here must not end the calls of others
        AT.set(std::ptr::from_ref(self).cast());
        let step = quietly(|| landed.and_then(|()| driver.advance()));
        AT.set(std::ptr::null());
        let answer = match step {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => match driver.landing() {
                Some(landing) => return Some(landing),
                None => Err(Error::internal("a call without an end")),
            },
            Err(error) => Err(error),
        };
        *call = Call::Ended(answer);
        drop(call);
        let _ = catch_unwind(AssertUnwindSafe(|| self.waker.wake()));
        None
    }
}

impl<J: Job> Caller<J> {
    /// Takes the call back, and drives what is left of it on this thread; `None` where the answer is taken already.
    pub fn wait(&self) -> Option<Result<J::Output>> {
        if AT.get() == Arc::as_ptr(&self.0).cast() {
            let why = "it awaits the call that it is called by, which cannot end before it returns";
            return Some(Err(Error::argument("progress", why)));
        }
        let call = std::mem::replace(&mut *lock(&self.0.call), Call::Over);
        match call {
            Call::Running(mut driver) => Some(driver.wait()),
            Call::Ended(answer) => Some(answer),
            Call::Over => None,
        }
    }

    /// The answer, if it is there: nothing is computed here, and nothing waited for.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<J::Output>>> {
        self.0.waker.register(cx.waker());
        let mut call = match self.0.call.try_lock() {
            Ok(call) => call,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // the thread is at it, and wakes when that was the last of it
            Err(TryLockError::WouldBlock) => return Poll::Pending,
        };
        if matches!(*call, Call::Running(_)) {
            return Poll::Pending;
        }
        match std::mem::replace(&mut *call, Call::Over) {
            Call::Ended(answer) => Poll::Ready(Some(answer)),
            _ => Poll::Ready(None),
        }
    }
}

impl<J: Job> Drop for Caller<J> {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Release);
        if let Ok(mut call) = self.0.call.try_lock() {
            *call = Call::Over;
        }
    }
}

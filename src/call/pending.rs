//! Calls in flight: what a search returns before it has an answer.

use super::cancel::CancelToken;
use super::crew::{self, Caller};
use super::driver::{Driver, Job, WINDOW};
use crate::device::Gpu;
use crate::error::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What brings an answer.
pub(super) trait Drive<T>: Send {
    fn wait(&mut self) -> Result<T>;
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>>;
}

/// A call, where it is driven.
enum Call<J: Job> {
    /// Nowhere, until somebody waits or polls: all that it needs, as things stand, is on the device.
    Own(Driver<J>),
    /// On the thread of the device.
    Handed(Caller<J>),
    Over,
}

impl<J: Job + 'static> Call<J> {
    /// Has the thread of its device drive the call, if it has a device.
    fn hand_over(&mut self) -> Result<()> {
        let Call::Own(driver) = &*self else { return Ok(()) };
        let Some(gpu) = driver.job.gpu().cloned() else { return Ok(()) };
        if let Call::Own(driver) = std::mem::replace(self, Call::Over) {
            *self = Call::Handed(crew::hand_over(&gpu, driver)?);
        }
        Ok(())
    }
}

impl<J: Job + 'static> Drive<J::Output> for Call<J> {
    fn wait(&mut self) -> Result<J::Output> {
        match self {
            Call::Own(driver) => driver.wait(),
            Call::Handed(caller) => caller.wait().unwrap_or_else(|| Err(spent())),
            Call::Over => Err(spent()),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<J::Output>> {
        if crew::drives_here() {
            // in a function of another call's: the thread that would drive this one is here
            return Poll::Ready(self.wait());
        }
        self.hand_over()?;
        match self {
            Call::Handed(caller) => {
                caller.poll(cx).map(|answer| answer.unwrap_or_else(|| Err(spent())))
            }
            other => Poll::Ready(other.wait()),
        }
    }
}

/// How many submissions of a call the thread that starts it brings to the device. A software driver computes what was
/// submitted before it takes more: there the caller brings one, and none while the device is at work.
fn first_submissions(gpu: Option<&Gpu>) -> usize {
    match gpu {
        Some(gpu) if gpu.caps().software => usize::from(gpu.is_idle()),
        _ => WINDOW,
    }
}

/// An answer on its way: a `Future`, or blocking through [`Pending::wait`]. Several may be in flight at once.
///
/// # What runs where
/// * The thread that starts a call checks and copies the queries and brings the first two submissions to the device; on a
///   software driver, which computes what was submitted before it takes more, the first one, and none while the device is at
///   work.
/// * Where that is not the whole call, a thread of the [`Gpu`] (one for all calls, started by the first that needs it) goes
///   on: it takes what comes back and submits the next, two at a time, whether or not anybody polls or waits.
/// * [`Pending::wait`] drives the rest on the calling thread, with no other in between.
/// * `poll` computes nothing, submits nothing and waits for nothing: it takes the answer if it is there. The first one hands
///   the call to the Gpu's thread, if that does not have it yet; the same thread wakes the task, once, at the end.
/// * A function that the call was given, such as [`progress`](crate::SearchParams#structfield.progress), runs on the thread that
///   drives the call. It may start calls of its own and wait for them on the same thread. It must not wait for another thread or
///   task that awaits a call of the same Gpu, since this thread may have to drive that call; and to await the call that it belongs
///   to is an error. If it panics, the panic leaves [`Pending::wait`] where that drives the call, and the call ends with
///   [`Error::Internal`](crate::Error::Internal) where the Gpu's thread does. Other calls go on.
///
/// Dropping it ends the call: what is on the device finishes, nothing more is submitted, and the memory is free again at
/// once or, where the Gpu's thread is just at work on it, a submission later. A [`CancelToken`](crate::CancelToken) ends the
/// call likewise, with an error for whoever waits.
///
/// # Example
/// ```no_run
/// # use nearfield::{Flat, Gpu, Index, Metric, Rows, Search};
/// let gpu = Gpu::new()?;
/// let index = Flat::new(&gpu, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 1.0, 1.0])?;
/// let first = index.submit(Rows::F32(&[0.0, 0.1]), 1, &Default::default())?;
/// let second = index.submit(Rows::F32(&[1.0, 0.9]), 1, &Default::default())?;
/// assert_eq!(first.wait()?.ids(), [0]);
/// assert_eq!(second.wait()?.ids(), [1]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[must_use = "nothing is known before it is awaited"]
pub struct Pending<T> {
    drive: Option<Box<dyn Drive<T>>>,
}

impl<T: Send + 'static> Pending<T> {
    pub(crate) fn start<J>(job: J, cancel: Option<CancelToken>) -> Result<Pending<T>>
    where
        J: Job<Output = T> + 'static,
    {
        Pending::start_reading(job, cancel, |_| Ok(false))
    }

    /// Starts a job that still has to read what the caller lends it: `read` has it read a part and says whether there is more
    /// to do. What was read goes to the device before the next part is read. If a part is refused, so is the call, and what
    /// the device does for it is for nothing.
    pub(crate) fn start_reading<J>(
        job: J,
        cancel: Option<CancelToken>,
        mut read: impl FnMut(&mut J) -> Result<bool>,
    ) -> Result<Pending<T>>
    where
        J: Job<Output = T> + 'static,
    {
        let mut driver = Driver::new(job, cancel);
        let here = first_submissions(driver.job.gpu());
        while {
            let more = read(&mut driver.job)?;
            driver.fill(here)?;
            more
        } {}
        let has_next = driver.job.has_next();
        let mut call = Call::Own(driver);
        if has_next {
            call.hand_over()?;
        }
        Ok(Pending::driven(Box::new(call)))
    }

    pub(super) fn driven(drive: Box<dyn Drive<T>>) -> Pending<T> {
        Pending { drive: Some(drive) }
    }

    /// Blocks until the answer is there.
    ///
    /// # Errors
    /// What the call says; `DeviceLost` rather than waiting for ever.
    pub fn wait(mut self) -> Result<T> {
        match &mut self.drive {
            Some(drive) => drive.wait(),
            None => Err(spent()),
        }
    }

    /// The same call with its answer changed by `f`.
    pub(crate) fn map<U: 'static>(
        self,
        f: impl FnOnce(T) -> Result<U> + Send + 'static,
    ) -> Pending<U> {
        let map: Box<dyn Drive<U>> = Box::new(Map { inner: self, f: Some(f) });
        Pending { drive: Some(map) }
    }
}

pub(super) fn spent() -> Error {
    Error::internal("a pending call was polled after its end")
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(drive) = &mut self.drive else {
            return Poll::Ready(Err(spent()));
        };
        let answer = drive.poll(cx);
        if answer.is_ready() {
            self.drive = None;
        }
        answer
    }
}

struct Map<T, F> {
    inner: Pending<T>,
    f: Option<F>,
}

impl<T, U, F> Drive<U> for Map<T, F>
where
    F: FnOnce(T) -> Result<U> + Send,
{
    fn wait(&mut self) -> Result<U> {
        let Some(drive) = &mut self.inner.drive else { return Err(spent()) };
        let value = drive.wait()?;
        self.f.take().ok_or_else(spent)?(value)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<U>> {
        match Pin::new(&mut self.inner).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(value) => {
                Poll::Ready(value.and_then(|v| self.f.take().ok_or_else(spent)?(v)))
            }
        }
    }
}

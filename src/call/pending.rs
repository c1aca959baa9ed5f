//! Calls in flight: what a search returns before it has an answer.

use crate::error::{Error, Result};
use crate::kernel::{Flight, Landed};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Submissions of one call that may be on the device at once: one computes while the host prepares the next.
const WINDOW: usize = 2;

/// Cancels the calls that were given a clone of it.
///
/// A cancelled call ends with [`Error::Cancelled`] at its next submission; what is on the device finishes.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    /// Cancels this one, too.
    parent: Option<CancelToken>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels.
    pub fn cancel(&self) {
        self.0.set.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        let above = || self.0.parent.as_ref().is_some_and(CancelToken::is_cancelled);
        self.0.set.load(Ordering::Relaxed) || above()
    }

    /// A token that is cancelled by itself or with `parent`.
    pub(crate) fn below(parent: Option<CancelToken>) -> CancelToken {
        CancelToken(Arc::new(Flag { set: AtomicBool::new(false), parent }))
    }

    /// `Err(Cancelled)` once it was cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// Work that goes to the device in pieces.
pub(crate) trait Job: Send {
    type Output;
    /// What the job has to know of a piece when it comes back.
    type InFlight: Send + Unpin;

    /// Submits the next piece; `None` when, as things stand, there is none.
    fn next(&mut self) -> Result<Option<(Flight, Self::InFlight)>>;

    /// Takes what came back of a piece, which may make more pieces necessary.
    fn take(&mut self, landed: Landed, piece: Self::InFlight) -> Result<()>;

    /// The answer, when nothing is left.
    fn finish(&mut self) -> Result<Self::Output>;
}

/// What brings an answer.
pub(super) trait Drive<T>: Send {
    fn wait(&mut self) -> Result<T>;
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>>;
}

struct Driver<J: Job> {
    job: J,
    flights: VecDeque<(Flight, J::InFlight)>,
    cancel: Option<CancelToken>,
}

impl<J: Job> Driver<J> {
    fn fill(&mut self) -> Result<()> {
        while self.flights.len() < WINDOW {
            self.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
            match self.job.next()? {
                Some(flight) => self.flights.push_back(flight),
                None => break,
            }
        }
        Ok(())
    }
}

impl<J: Job> Drive<J::Output> for Driver<J> {
    fn wait(&mut self) -> Result<J::Output> {
        loop {
            self.fill()?;
            match self.flights.pop_front() {
                Some((flight, piece)) => self.job.take(flight.wait()?, piece)?,
                None => return self.job.finish(),
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<J::Output>> {
        loop {
            self.fill()?;
            let Some((flight, _)) = self.flights.front_mut() else {
                return Poll::Ready(self.job.finish());
            };
            let Poll::Ready(landed) = Pin::new(flight).poll(cx) else {
                return Poll::Pending;
            };
            if let Some((_, piece)) = self.flights.pop_front() {
                self.job.take(landed?, piece)?;
            }
        }
    }
}

/// An answer on its way: a `Future`, or blocking through [`Pending::wait`].
///
/// The work is on the device already. Dropping it frees what it held. Several may be in flight at once.
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

impl<T: 'static> Pending<T> {
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
        let mut driver = Driver { job, flights: VecDeque::new(), cancel };
        loop {
            let more = read(&mut driver.job)?;
            driver.fill()?;
            if !more {
                return Ok(Pending::driven(Box::new(driver)));
            }
        }
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

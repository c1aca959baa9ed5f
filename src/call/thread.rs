//! Calls that run on a thread of their own, for work that waits for the host as well as for the device.

use super::cancel::CancelToken;
use super::pending::{Drive, Pending, spent};
use crate::error::{Error, Result};
use futures::task::AtomicWaker;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

struct Shared<T> {
    answer: Mutex<Answer<T>>,
    changed: Condvar,
    waker: AtomicWaker,
}

enum Answer<T> {
    Awaited,
    Here(Result<T>),
    Taken,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Answer<T>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, answer: Result<T>) {
        let mut place = self.lock();
        if matches!(*place, Answer::Awaited) {
            *place = Answer::Here(answer);
        }
        drop(place);
        self.changed.notify_all();
        self.waker.wake();
    }
}

/// The caller's end; when it goes, the thread ends at its next step.
struct Caller<T> {
    shared: Arc<Shared<T>>,
    stop: CancelToken,
}

/// The thread's end: whoever waits is told, whatever happens to the thread.
struct Worker<T>(Arc<Shared<T>>);

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.0.set(Err(Error::internal(
            "a function or a source of rows that a call was given panicked",
        )));
    }
}

impl<T> Drop for Caller<T> {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts `work` on a thread of its own, with a token that it has to look at: it is cancelled with `cancel`, or when
/// nobody waits any longer.
pub(crate) fn start<T: Send + 'static>(
    cancel: Option<CancelToken>,
    work: impl FnOnce(&CancelToken) -> Result<T> + Send + 'static,
) -> Result<Pending<T>> {
    start_below(CancelToken::below(cancel), work)
}

/// The same with a token of the call's own, which was made below the caller's: for what runs already when the thread starts.
pub(crate) fn start_below<T: Send + 'static>(
    stop: CancelToken,
    work: impl FnOnce(&CancelToken) -> Result<T> + Send + 'static,
) -> Result<Pending<T>> {
    stop.check()?;
    let (changed, waker) = (Condvar::new(), AtomicWaker::new());
    let shared = Arc::new(Shared { answer: Mutex::new(Answer::Awaited), changed, waker });
    let (worker, token) = (Worker(Arc::clone(&shared)), stop.clone());
    std::thread::Builder::new()
        .name("nearfield-stream".into())
        .spawn(move || {
            let worker = worker;
            worker.0.set(work(&token));
        })
        .map_err(|e| Error::internal(format!("a thread did not start: {e}")))?;
    Ok(Pending::driven(Box::new(Caller { shared, stop })))
}

impl<T: Send> Drive<T> for Caller<T> {
    fn wait(&mut self) -> Result<T> {
        let mut answer = self.shared.lock();
        loop {
            match std::mem::replace(&mut *answer, Answer::Taken) {
                Answer::Here(value) => return value,
                Answer::Taken => return Err(spent()),
                Answer::Awaited => *answer = Answer::Awaited,
            }
            answer = self.shared.changed.wait(answer).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.shared.waker.register(cx.waker());
        let mut answer = self.shared.lock();
        match std::mem::replace(&mut *answer, Answer::Taken) {
            Answer::Here(value) => Poll::Ready(value),
            Answer::Taken => Poll::Ready(Err(spent())),
            Answer::Awaited => {
                *answer = Answer::Awaited;
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_errors_and_panics_come_back() {
        assert_eq!(start(None, |_| Ok(7)).unwrap().wait().unwrap(), 7);
        assert_eq!(pollster::block_on(start(None, |_| Ok(8)).unwrap()).unwrap(), 8);
        let failed = start(None, |_| Err::<(), _>(Error::Cancelled)).unwrap().wait();
        assert!(matches!(failed, Err(Error::Cancelled)));
        let gone = start(None, |_| -> Result<()> { panic!("a test's own panic") }).unwrap().wait();
        assert!(matches!(gone, Err(Error::Internal { .. })));
    }

    #[test]
    fn a_thread_whose_caller_is_gone_is_told() {
        let (send, receive) = std::sync::mpsc::channel();
        let pending = start(None, move |token| {
            while !token.is_cancelled() {
                std::thread::yield_now();
            }
            let _ = send.send(());
            Ok(())
        });
        drop(pending.unwrap());
        receive.recv().unwrap();
        let token = CancelToken::new();
        token.cancel();
        assert!(matches!(start(Some(token), |_| Ok(())), Err(Error::Cancelled)));
    }
}

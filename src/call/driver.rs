//! A call's way through the device in pieces, whichever thread drives it.

use super::cancel::CancelToken;
use crate::buffer::Landing;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Flight, Landed};
use std::collections::VecDeque;

/// Submissions of one call that may be on the device at once: one computes while the host prepares the next.
pub(super) const WINDOW: usize = 2;

/// Work that goes to the device in pieces.
pub(crate) trait Job: Send {
    type Output: Send;
    /// What the job has to know of a piece when it comes back.
    type InFlight: Send;

    /// The device; `None` for work that needs none.
    fn gpu(&self) -> Option<&Gpu>;

    /// Submits the next piece; `None` when, as things stand, there is none.
    fn next(&mut self) -> Result<Option<(Flight, Self::InFlight)>>;

    /// Whether, as things stand, there is a next piece.
    fn has_next(&self) -> bool;

    /// Takes what came back of a piece, which may make more pieces necessary.
    fn take(&mut self, landed: Landed, piece: Self::InFlight) -> Result<()>;

    /// The answer, when nothing is left.
    fn finish(&mut self) -> Result<Self::Output>;
}

/// A job and its pieces that are on the device.
pub(super) struct Driver<J: Job> {
    pub job: J,
    flights: VecDeque<(Flight, J::InFlight)>,
    cancel: Option<CancelToken>,
}

impl<J: Job> Driver<J> {
    pub fn new(job: J, cancel: Option<CancelToken>) -> Driver<J> {
        Driver { job, flights: VecDeque::new(), cancel }
    }

    /// Submits pieces until `most` are on the device or none is left.
    pub fn fill(&mut self, most: usize) -> Result<()> {
        while self.flights.len() < most {
            self.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
            match self.job.next()? {
                Some(flight) => self.flights.push_back(flight),
                None => break,
            }
        }
        Ok(())
    }

    /// Drives the call to its end on this thread.
    pub fn wait(&mut self) -> Result<J::Output> {
        loop {
            self.fill(WINDOW)?;
            match self.flights.pop_front() {
                Some((flight, piece)) => self.job.take(flight.wait()?, piece)?,
                None => return self.job.finish(),
            }
        }
    }

    /// Takes the oldest piece if it has come back, and submits those that then may go: the answer once nothing is left. Waits
    /// for nothing that the device still computes, as far as that is for the driver to say.
    pub fn advance(&mut self) -> Result<Option<J::Output>> {
        if self.flights.front().is_some_and(|(flight, _)| flight.has_landed())
            && let Some((flight, piece)) = self.flights.pop_front()
        {
            self.job.take(flight.wait()?, piece)?;
        }
        self.fill(WINDOW)?;
        if self.flights.is_empty() { self.job.finish().map(Some) } else { Ok(None) }
    }

    /// What [`Driver::advance`] has to be called after.
    pub fn landing(&self) -> Option<Landing> {
        self.flights.front().map(|(flight, _)| flight.landing())
    }
}

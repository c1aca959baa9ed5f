//! Submissions that nobody waits for one by one, few of them under way at a time.

use crate::error::Result;
use crate::kernel::{Encoder, Flight, Landed};
use std::collections::VecDeque;

/// So many submissions under way keep the device busy, and end soon where a call is cancelled.
const MOST: usize = 4;

/// Those under way, and where it is logged what the device did how long.
pub(super) struct Flights {
    under_way: VecDeque<Flight>,
    timed: bool,
    times: Vec<(&'static str, u64)>,
    variants: Vec<String>,
}

impl Flights {
    /// Of an iteration. What they took is logged at the level of traces, at the price of a pass a stage.
    pub fn new() -> Flights {
        let timed = log::log_enabled!(log::Level::Trace);
        Flights { under_way: VecDeque::new(), timed, times: Vec::new(), variants: Vec::new() }
    }

    /// Whether encoders are to measure.
    pub fn timed(&self) -> bool {
        self.timed
    }

    /// Submits, and waits where too many are under way for the first.
    pub fn submit(&mut self, encoder: Encoder) -> Result<()> {
        self.under_way.push_back(encoder.submit(&[])?);
        while self.under_way.len() > MOST {
            self.land()?;
        }
        Ok(())
    }

    /// Notes what a submission that came back did.
    pub fn note(&mut self, landed: &Landed) {
        for &(stage, ns) in &landed.times {
            match self.times.iter_mut().find(|(name, _)| *name == stage) {
                Some((_, sum)) => *sum += ns,
                None => self.times.push((stage, ns)),
            }
        }
        for variant in landed.variants.iter().filter(|_| self.timed) {
            if !self.variants.contains(variant) {
                self.variants.push(variant.clone());
            }
        }
    }

    /// Logs what they took, once the last of them is back.
    pub fn finish(mut self) -> Result<()> {
        if self.timed {
            while !self.under_way.is_empty() {
                self.land()?;
            }
            let times = self.times.iter().map(|(name, ns)| format!("{name} {} us", ns / 1000));
            log::trace!("{}", times.collect::<Vec<_>>().join(", "));
            log::trace!("{}", self.variants.join(", "));
        }
        Ok(())
    }

    fn land(&mut self) -> Result<()> {
        if let Some(first) = self.under_way.pop_front() {
            let landed = first.wait()?;
            self.note(&landed);
        }
        Ok(())
    }
}

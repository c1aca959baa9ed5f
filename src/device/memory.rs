//! The memory budget and who holds what.

use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Device memory of one [`Gpu`](crate::Gpu), from [`Gpu::memory`](crate::Gpu::memory).
///
/// `Serialize` writes the fields under their names.
///
/// # Example
/// ```no_run
/// let memory = nearfield::Gpu::new()?.memory();
/// for label in &memory.labels {
///     println!("{}: {} bytes in {} buffers", label.label, label.bytes, label.buffers);
/// }
/// println!("{memory}"); // all of it
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryReport {
    /// Bytes held by matrices, indexes, prepared filters and running calls.
    pub in_use: u64,
    /// Bytes that the pool keeps for the next call; freed when something else needs them.
    pub pooled: u64,
    /// The most that `in_use` and `pooled` were together.
    pub peak: u64,
    /// What they may be together.
    pub budget: u64,
    /// `in_use` by label, the largest first.
    pub labels: Vec<LabelUse>,
    /// Temporary buffers that came from the pool.
    pub pool_hits: u64,
    /// Temporary buffers that had to be made.
    pub pool_misses: u64,
}

/// The buffers of one label in a [`MemoryReport`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LabelUse {
    /// What they are for.
    pub label: String,
    /// How many there are.
    pub buffers: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{:.1} MiB in use, {:.1} MiB pooled, peak {:.1} MiB, budget {:.1} MiB; pool: {} hits, {} misses",
            mib(self.in_use),
            mib(self.pooled),
            mib(self.peak),
            mib(self.budget),
            self.pool_hits,
            self.pool_misses
        )?;
        for l in &self.labels {
            write!(f, "\n{:>12.1} MiB  {:>6}  {}", mib(l.bytes), l.buffers, l.label)?;
        }
        Ok(())
    }
}

/// Counts every buffer of one device against its budget.
pub(crate) struct Ledger {
    budget: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_use: u64,
    pooled: u64,
    peak: u64,
    hits: u64,
    misses: u64,
    /// Buffers and bytes in use under each label; those of no buffers stay, since the next call has some again.
    labels: BTreeMap<String, (u64, u64)>,
}

impl State {
    fn add(&mut self, label: &str, bytes: u64) {
        self.in_use += bytes;
        self.peak = self.peak.max(self.in_use + self.pooled);
        match self.labels.get_mut(label) {
            Some((buffers, total)) => {
                *buffers += 1;
                *total += bytes;
            }
            None => {
                self.labels.insert(label.to_owned(), (1, bytes));
            }
        }
    }

    fn remove(&mut self, label: &str, bytes: u64) {
        self.in_use = self.in_use.saturating_sub(bytes);
        if let Some((buffers, total)) = self.labels.get_mut(label) {
            *buffers = buffers.saturating_sub(1);
            *total = total.saturating_sub(bytes);
        }
    }
}

impl Ledger {
    pub(super) fn new(budget: u64) -> Self {
        Ledger { budget, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a new buffer, or refuses it.
    pub(crate) fn reserve(&self, label: &str, bytes: u64) -> Result<()> {
        let mut state = self.lock();
        let total = state.in_use.saturating_add(state.pooled).saturating_add(bytes);
        if total > self.budget {
            drop(state);
            return Err(self.exhausted(label, bytes));
        }
        state.add(label, bytes);
        Ok(())
    }

    /// A buffer is gone.
    pub(crate) fn release(&self, label: &str, bytes: u64) {
        self.lock().remove(label, bytes);
    }

    /// A buffer went back to the pool.
    pub(crate) fn pool_in(&self, label: &str, bytes: u64) {
        let mut state = self.lock();
        state.remove(label, bytes);
        state.pooled += bytes;
    }

    /// A buffer came from the pool.
    pub(crate) fn pool_out(&self, label: &str, bytes: u64) {
        self.lock().hits += 1;
        self.unkeep(label, bytes);
    }

    /// As [`Ledger::pool_out`], where hits are not counted.
    pub(crate) fn unkeep(&self, label: &str, bytes: u64) {
        let mut state = self.lock();
        state.pooled = state.pooled.saturating_sub(bytes);
        state.add(label, bytes);
    }

    /// The pool let go of a buffer.
    pub(crate) fn unpool(&self, bytes: u64) {
        let mut state = self.lock();
        state.pooled = state.pooled.saturating_sub(bytes);
    }

    /// A buffer was asked for that the pool did not have.
    pub(crate) fn pool_miss(&self) {
        self.lock().misses += 1;
    }

    /// What is left of the budget while the pool keeps its buffers.
    pub(crate) fn unreserved(&self) -> u64 {
        let state = self.lock();
        self.budget.saturating_sub(state.in_use + state.pooled)
    }

    /// What is left of the budget once the pool is emptied.
    pub(crate) fn available(&self) -> u64 {
        self.budget.saturating_sub(self.lock().in_use)
    }

    /// The error of a request that the budget, or the driver, has no memory for.
    pub(crate) fn exhausted(&self, what: &str, requested: u64) -> Error {
        let state = self.lock();
        let in_use = state.in_use + state.pooled;
        Error::OutOfDeviceMemory { what: what.to_owned(), requested, in_use, budget: self.budget }
    }

    pub(super) fn report(&self) -> MemoryReport {
        let state = self.lock();
        let mut labels: Vec<_> = state
            .labels
            .iter()
            .filter(|(_, (buffers, _))| *buffers > 0)
            .map(|(label, &(buffers, bytes))| LabelUse { label: label.clone(), buffers, bytes })
            .collect();
        labels.sort_by_key(|l| std::cmp::Reverse(l.bytes));
        MemoryReport {
            in_use: state.in_use,
            pooled: state.pooled,
            peak: state.peak,
            budget: self.budget,
            labels,
            pool_hits: state.hits,
            pool_misses: state.misses,
        }
    }
}

//! What is left of a graph whose rows changed: the next search makes the new one of it, or of the rows alone where that is the shorter way.
//!
//! Changes only note what became of each row, so that many of them cost one renewal. A graph that was searched already goes on answering for the
//! snapshots that had it.

use crate::exact::NO_ROW;
use crate::graph::Edges;
use std::sync::{Arc, Mutex, PoisonError};

/// New rows for one that is left, and lost ones of all, from which on a graph is made of the rows alone. On a software driver the searches along
/// the edges for half as many rows as there are take as long as a new graph does; to heal what is left of the rows takes less at any share, and finds as
/// much until the way from one to the next leads through too many that are lost.
const MOST_NEW: (u64, u64) = (1, 2);
const MOST_LOST: (u64, u64) = (3, 4);

/// A graph, and how many of its rows had been removed when it was made and have no place in it.
#[derive(Clone)]
pub(super) struct Built {
    pub graph: Arc<Edges>,
    pub removed: u64,
}

/// A graph, and what became of its rows.
#[derive(Clone)]
pub(super) struct Rest {
    pub graph: Arc<Edges>,
    /// Rows of the graph.
    pub rows: u64,
    /// For each row the one of the graph that it is, [`NO_ROW`] of a new one; `None` where the first are the graph's, and those behind them new.
    pub origin: Option<Arc<[u32]>>,
}

/// What there is of an earlier graph.
#[derive(Clone, Default)]
pub(super) struct Before(Arc<Mutex<Option<Rest>>>);

impl Before {
    pub fn of(rest: Option<Rest>) -> Before {
        Before(Arc::new(Mutex::new(rest)))
    }

    pub fn get(&self) -> Option<Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The same, for a snapshot of its own.
    pub fn own(&self) -> Before {
        Before::of(self.get())
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        self.get().map_or(0, |rest| rest.graph.bytes())
    }

    /// With rows behind the others, of which there are so many then.
    pub fn grown(self, rows: u64) -> Before {
        self.changed(rows, |origin| {
            origin.map(|origin| {
                let new = rows.saturating_sub(origin.len() as u64) as usize;
                origin.iter().copied().chain(std::iter::repeat_n(NO_ROW, new)).collect()
            })
        })
    }

    /// With others in the place of some of so many rows.
    pub fn without(self, places: &[u32], rows: u64) -> Before {
        self.mapped(rows, |mut origin| {
            places.iter().for_each(|&row| origin[row as usize] = NO_ROW);
            origin
        })
    }

    /// With some of the rows alone, which ascend.
    pub fn gathered(self, keep: &[u32]) -> Before {
        let rows = keep.last().map_or(0, |&last| u64::from(last) + 1);
        self.mapped(rows, |origin| keep.iter().map(|&row| origin[row as usize]).collect())
    }

    /// With what `next` makes of where each of at least so many rows comes from.
    fn mapped(self, rows: u64, next: impl FnOnce(Vec<u32>) -> Vec<u32>) -> Before {
        let Some(rest) = self.get() else { return self };
        let mut origin = match &rest.origin {
            Some(origin) => origin.to_vec(),
            None => (0..rest.rows as u32).collect(),
        };
        if (origin.len() as u64) < rows {
            origin.resize(rows as usize, NO_ROW);
        }
        let origin = next(origin);
        self.changed(origin.len() as u64, |_| Some(origin.into()))
    }

    fn changed(
        self,
        rows: u64,
        next: impl FnOnce(Option<&Arc<[u32]>>) -> Option<Arc<[u32]>>,
    ) -> Before {
        let next = self.get().map(|rest| Rest { origin: next(rest.origin.as_ref()), ..rest });
        // what is of no use any more takes no memory
        Before::of(next.filter(|rest| rest.is_shorter(rows)))
    }
}

impl Rest {
    /// Whether the graph of so many rows is made faster of this one.
    fn is_shorter(&self, rows: u64) -> bool {
        let left = match &self.origin {
            Some(origin) => origin.iter().filter(|&&old| old != NO_ROW).count() as u64,
            None => self.rows.min(rows),
        };
        let below = |part: u64, of: u64, (over, under): (u64, u64)| part * under <= of * over;
        below(rows - left, left, MOST_NEW) && below(self.rows - left, self.rows, MOST_LOST)
    }
}

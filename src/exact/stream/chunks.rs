//! The chunks of a streamed search: a thread fills the one that is free while the other is searched.

use crate::call::{CancelToken, Filter};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::dataset::Dataset;
use crate::format::{RowSource, RowStore};
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Scope;

/// Which rows of a chunk take part.
pub(crate) type ChunkFilter = Box<dyn Fn(Range<u64>) -> Result<Filter> + Send + Sync>;

/// Some of the rows, on the device or about to be.
pub(super) struct Chunk {
    pub rows: Range<u64>,
    pub filter: Filter,
    /// `None` where the filter leaves nothing of them.
    pub dataset: Option<Dataset>,
}

/// What chunks are made of.
#[derive(Clone, Copy)]
pub(super) struct Supply<'a> {
    pub store: &'a dyn RowStore,
    pub rows: u64,
    /// Rows of a chunk.
    pub room: u64,
    pub filter: &'a ChunkFilter,
    /// Whether rows that nobody may find stay where they are.
    pub unread: bool,
    pub stop: &'a CancelToken,
}

impl<'a> Supply<'a> {
    /// Starts to fill these; chunks come in row order, those that come back are filled again.
    pub fn start<'scope>(
        self,
        scope: &'scope Scope<'scope, 'a>,
        empty: Vec<Dataset>,
    ) -> Result<(Receiver<Result<Chunk>>, Sender<Dataset>)> {
        let (ready, filled) = channel();
        let (free, refill) = channel();
        for dataset in empty {
            let _ = free.send(dataset);
        }
        let fill = move || {
            // kept from chunk to chunk, so that no copy is waited for between two
            let mut ring = None;
            let starts = (0..self.rows).step_by(self.room as usize);
            for start in starts {
                let rows = start..(start + self.room).min(self.rows);
                let mut bring = |dataset: Dataset| {
                    let mut source = Watched(self.store.stream(rows.clone())?, self.stop);
                    dataset.refilled(&mut source, start, &mut ring)
                };
                let chunk = self.chunk(rows.clone(), &refill, &mut bring);
                let last = chunk.is_err();
                // whoever searches may be gone with an error of its own
                if ready.send(chunk).is_err() || last {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("nearfield-chunks".into());
        match thread.spawn_scoped(scope, fill) {
            Ok(_) => Ok((filled, free)),
            Err(e) => Err(Error::internal(format!("a thread did not start: {e}"))),
        }
    }

    fn chunk(
        &self,
        rows: Range<u64>,
        refill: &Receiver<Dataset>,
        bring: &mut dyn FnMut(Dataset) -> Result<Dataset>,
    ) -> Result<Chunk> {
        self.stop.check()?;
        let filter = (self.filter)(rows.clone())?;
        if self.unread && filter.leaves_none() {
            return Ok(Chunk { rows, filter, dataset: None });
        }
        let dataset = bring(refill.recv().map_err(|_| Error::Cancelled)?)?;
        if dataset.len() != rows.end - rows.start {
            let reason = format!("{} rows came for {rows:?}", dataset.len());
            return Err(Error::argument("store", reason));
        }
        Ok(Chunk { rows, filter, dataset: Some(dataset) })
    }
}

/// A stream that ends with an error when the call is cancelled.
struct Watched<'a>(Box<dyn RowSource + 'a>, &'a CancelToken);

impl RowSource for Watched<'_> {
    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn remaining(&self) -> Option<u64> {
        self.0.remaining()
    }

    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        self.1.check()?;
        self.0.next_rows(max_rows)
    }
}

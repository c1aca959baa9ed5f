//! The current snapshot of an index, how it is changed and how it is searched.

use super::file;
use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::hits::Hits;
use crate::index::ids::Ids;
use crate::index::params::{Ask, SearchParams};
use crate::index::persist::{IndexReader, Info};
use crate::index::stream::HitStream;
use crate::metric::Metric;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Blocks of a stream that are searched at a time: while the answer of one is taken, the device is at the next.
const BLOCKS: usize = 2;

/// What every index that changes is, over whatever it stores: searches take the snapshot that is current, changes build the next one, one at a time.
pub(in crate::index) struct Core<R> {
    metric: Metric,
    dtype: DType,
    dim: usize,
    current: RwLock<Arc<Snapshot<R>>>,
    /// Held while a change builds the next snapshot; searches go on meanwhile.
    writer: Mutex<()>,
}

impl<R: Stored> Core<R> {
    /// An index of no rows yet.
    pub fn new(empty: R) -> Core<R> {
        Core::of(Snapshot::new(empty, Ids::default(), 0))
    }

    /// The index of a file; `empty` makes the kind's rows, still without any, of what the file says it is.
    pub fn read(reader: IndexReader, empty: impl FnOnce(&Info) -> Result<R>) -> Result<Core<R>> {
        file::read(reader, empty).map(Core::of)
    }

    fn of(snapshot: Snapshot<R>) -> Core<R> {
        let rows = snapshot.rows();
        let (metric, dtype, dim) = (rows.metric().clone(), rows.dtype(), rows.dim());
        let current = RwLock::new(Arc::new(snapshot));
        Core { metric, dtype, dim, current, writer: Mutex::new(()) }
    }

    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    pub fn dtype(&self) -> DType {
        self.dtype
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    // A snapshot is swapped in whole, so what a panicking thread left behind both locks is sound.
    pub fn snapshot(&self) -> Arc<Snapshot<R>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, next: impl FnOnce(&Snapshot<R>) -> Result<(Snapshot<R>, T)>) -> Result<T> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.snapshot();
        let (new, value) = next(&old)?;
        let new = Arc::new(new);
        let replaced = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, new)
        };
        // What only the old one had is freed here, behind the lock that searches wait for.
        drop((old, replaced));
        Ok(value)
    }

    pub fn train(&self, sample: Rows<'_>) -> Result<()> {
        self.change(|old| Ok((old.train(sample)?, ())))
    }

    pub fn add(&self, source: &mut dyn RowSource, ids: Option<&[u64]>) -> Result<Range<u64>> {
        self.change(|old| {
            let (new, first) = old.add(source, ids)?;
            let added = (new.len() - old.len()) as u64;
            Ok((new, first..first + added))
        })
    }

    pub fn update(&self, id: u64, row: Rows<'_>) -> Result<()> {
        self.change(|old| Ok((old.update(id, row)?, ())))
    }

    pub fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.change(|old| old.remove(ids))
    }

    pub fn write(&self, kind: &str, path: &Path) -> Result<()> {
        file::write(&self.snapshot(), kind, path)
    }

    pub fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        params: &SearchParams,
    ) -> Result<Pending<Hits>> {
        submit(self.snapshot(), queries, ask, params)
    }

    pub fn stream(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        let (now, what) = (self.snapshot(), (&self.metric, self.dtype, self.dim));
        let start = move |queries: Rows<'_>, params: &SearchParams| {
            submit(Arc::clone(&now), queries, ask, params)
        };
        HitStream::new(what, queries, (block, BLOCKS), params, Box::new(start))
    }
}

/// Starts a search of one snapshot.
fn submit<R: Stored>(
    now: Arc<Snapshot<R>>,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
) -> Result<Pending<Hits>> {
    if let Ask::Nearest(0) = ask {
        return Err(Error::argument("k", "0 neighbours are no search"));
    }
    let filter = now.filter(params, queries)?;
    let found = now.rows().submit(queries, ask, filter, now.row_ids(), params)?;
    Ok(found.map(move |found| Ok(now.hits(found))))
}

impl<R: Stored> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Core { metric, dtype, dim, .. } = self;
        write!(f, "{} x {dim} {dtype}, {metric}", self.snapshot().len())
    }
}

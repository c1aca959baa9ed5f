//! The current snapshot of an index, how it is changed and how it is searched.

use super::file;
use super::filters;
use super::snapshot::Snapshot;
use super::stored::Stored;
use crate::buffer::Matrix;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::query_count;
use crate::format::{AtomicFile, RowSource};
use crate::index::add::{AddParams, Watched};
use crate::index::as_f32::rows_as_f32;
use crate::index::hits::Hits;
use crate::index::ids::{Ids, Prepare, PreparedFilter, leave_out};
use crate::index::params::{Ask, SearchParams, TrainParams};
use crate::index::persist::{FileWriter, IndexReader, Info};
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
    /// By which filters that are prepared know it.
    identity: Arc<()>,
}

impl<R: Stored> Core<R> {
    /// An index of no rows yet.
    pub fn new(empty: R) -> Core<R> {
        Core::of(Snapshot::new(empty, Ids::default(), 0))
    }

    /// The index whose sections come next in a file; `empty` makes the kind's rows, still without any, of what the file says it is.
    pub fn read(
        reader: &mut IndexReader,
        empty: impl FnOnce(&Info) -> Result<R>,
    ) -> Result<Core<R>> {
        file::read(reader, empty).map(Core::of)
    }

    /// An index of rows that are there, an id below `next_id` for each.
    pub fn restored(rows: R, ids: Ids, next_id: u64) -> Core<R> {
        Core::of(Snapshot::new(rows, ids, next_id))
    }

    fn of(snapshot: Snapshot<R>) -> Core<R> {
        let rows = snapshot.rows();
        let (metric, dtype, dim) = (rows.metric().clone(), rows.dtype(), rows.dim());
        let current = RwLock::new(Arc::new(snapshot));
        Core { metric, dtype, dim, current, writer: Mutex::new(()), identity: Arc::new(()) }
    }

    /// Another index of the current state, which changes alone, and its next id, at least `next_id`. Filters that are prepared know both as
    /// one.
    pub fn forked(&self, next_id: u64) -> (Core<R>, u64) {
        let now = self.snapshot();
        let now = if now.next_id() < next_id { Arc::new(now.reserving(next_id)) } else { now };
        let Core { metric, dtype, dim, identity, .. } = self;
        let next_id = now.next_id();
        let fork = Core {
            metric: metric.clone(),
            dtype: *dtype,
            dim: *dim,
            current: RwLock::new(now),
            writer: Mutex::new(()),
            identity: Arc::clone(identity),
        };
        (fork, next_id)
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

    pub fn train(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()> {
        self.change(|old| Ok((old.train(sample, params)?, ())))?;
        if let Some(progress) = &params.progress {
            progress(1.0);
        }
        Ok(())
    }

    /// Has `next` make other rows of those there are, as many and in their order.
    pub fn rebuild(&self, next: impl FnOnce(&R) -> Result<R>) -> Result<()> {
        self.change(|old| Ok((old.with_rows(next(old.rows())?), ())))
    }

    /// Adds the rows of another index, and says how many they are.
    pub fn merge(&self, other: &Core<R>) -> Result<usize> {
        if other.dim != self.dim {
            return Err(Error::DimensionMismatch { expected: self.dim, actual: other.dim });
        }
        if (&other.metric, other.dtype) != (&self.metric, self.dtype) {
            let (theirs, ours) = ((other.dtype, &other.metric), (self.dtype, &self.metric));
            let reason = format!("{} under {} for {} under {}", theirs.0, theirs.1, ours.0, ours.1);
            return Err(Error::argument("other", reason));
        }
        // its snapshot first, so that no thread ever waits for two indexes
        let other = other.snapshot();
        self.change(|old| old.merge(&other))
    }

    /// The ids that the index gave to the rows, which are none where the caller did.
    pub fn add(&self, source: &mut dyn RowSource, params: &AddParams<'_>) -> Result<Range<u64>> {
        let mut source = Watched::new(source, params);
        let given = self.change(|old| {
            let added = old.add(&mut source, params.ids)?;
            params.check().map(|()| added)
        })?;
        source.finish();
        Ok(given)
    }

    /// The same of a matrix.
    pub fn add_matrix(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>> {
        let given = self.change(|old| {
            params.check()?;
            let added = old.add_matrix(matrix, params.ids)?;
            params.check().map(|()| added)
        })?;
        if let Some(progress) = &params.progress {
            progress(1.0);
        }
        Ok(given)
    }

    pub fn update(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.change(|old| Ok((old.update(rows, ids)?, ())))
    }

    pub fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize> {
        self.change(|old| old.upsert(rows, ids))
    }

    pub fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.change(|old| old.remove(ids))
    }

    pub fn write(&self, kind: &str, path: &Path) -> Result<AtomicFile> {
        file::write(&self.snapshot(), kind, path)
    }

    /// Writes the sections of a file, of an index within another.
    pub fn write_to(&self, kind: &str, file: &mut FileWriter) -> Result<()> {
        file::write_to(&self.snapshot(), kind, file)
    }

    pub fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        params: &SearchParams,
    ) -> Result<Pending<Hits>> {
        submit(self.snapshot(), &self.identity, queries, ask, params)
    }

    /// What a search finds, and the rows of its hits as they were then.
    pub fn search_and_reconstruct(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
    ) -> Result<(Hits, Vec<f32>)> {
        let (now, ask) = (self.snapshot(), Ask::Nearest(k));
        let hits = submit(Arc::clone(&now), &self.identity, queries, ask, params)?.wait()?;
        let (what, ids) = ((self.dtype, self.dim), hits.ids());
        let rows = rows_as_f32(what, ids.len(), |out| now.reconstruct(ids, out))?;
        Ok((hits, rows))
    }

    pub fn assign(&self, queries: Rows<'_>, count: usize) -> Result<Hits> {
        if count == 0 {
            return Err(Error::argument("n", "0 lists are no answer"));
        }
        let now = self.snapshot();
        Ok(now.hits(now.rows().assign(queries, count)?))
    }

    pub fn prepare(&self, filter: Prepare) -> Result<PreparedFilter> {
        filters::prepared(&self.snapshot(), &self.identity, filter)
    }

    pub fn stream(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        let (now, what) = (self.snapshot(), (&self.metric, self.dtype, self.dim));
        let excluded = excluded(&now, queries, params)?;
        let identity = Arc::clone(&self.identity);
        let start = move |queries: Rows<'_>, params: &SearchParams| {
            submit(Arc::clone(&now), &identity, queries, ask, params)
        };
        HitStream::new(what, queries, (block, BLOCKS), params, excluded, Box::new(start))
    }
}

/// The ids that the queries may not find.
fn excluded<R: Stored>(
    now: &Snapshot<R>,
    queries: Rows<'_>,
    params: &SearchParams,
) -> Result<Option<Vec<u64>>> {
    let Some(exclude) = &params.exclude else { return Ok(None) };
    let count = query_count(queries, now.rows().dtype(), now.rows().dim())?;
    exclude.ids(count, now.len(), || now.live_ids()).map(Some)
}

/// Starts a search of one snapshot of the index of this identity.
fn submit<R: Stored>(
    now: Arc<Snapshot<R>>,
    identity: &Arc<()>,
    queries: Rows<'_>,
    ask: Ask,
    params: &SearchParams,
) -> Result<Pending<Hits>> {
    if let Ask::Nearest(0) = ask {
        return Err(Error::argument("k", "0 neighbours are no search"));
    }
    let count = || query_count(queries, now.rows().dtype(), now.rows().dim());
    let excluded = excluded(&now, queries, params)?;
    let asked = if excluded.is_some() { ask.and_one() } else { ask };
    let filter = filters::filter(&now, identity, params, &count)?;
    let row_ids = now.row_ids().excluding(excluded.as_deref());
    let found = now.rows().submit(queries, asked, filter, row_ids, params)?;
    Ok(found.map(move |mut found| {
        if let Some(excluded) = excluded {
            leave_out(&mut found, &excluded, ask.k());
        }
        Ok(now.hits(found))
    }))
}

impl<R: Stored> fmt::Debug for Core<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Core { metric, dtype, dim, .. } = self;
        write!(f, "{} x {dim} {dtype}, {metric}", self.snapshot().len())
    }
}

//! What the flat indexes share: the current snapshot, and how it is changed.

use super::hits::{Hits, RangeHits};
use super::params::SearchParams;
use super::snapshot::Snapshot;
use crate::call::{Options, Pending};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact;
use crate::format::RowSource;
use crate::metric::Metric;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A flat index: searches take the snapshot that is current, changes build the next one, one at a time.
pub(super) struct FlatCore {
    metric: Metric,
    dtype: DType,
    dim: usize,
    current: RwLock<Arc<Snapshot>>,
    /// Held while a change builds the next snapshot; searches go on meanwhile.
    writer: Mutex<()>,
}

impl FlatCore {
    pub fn new(gpu: &Gpu, dim: usize, metric: &Metric, dtype: DType) -> Result<FlatCore> {
        Ok(FlatCore::of(Snapshot::empty(gpu, metric, dtype, dim)?))
    }

    pub fn of(snapshot: Snapshot) -> FlatCore {
        let (metric, rows) = (snapshot.base().metric().clone(), snapshot.base().rows());
        let (dtype, dim) = (rows.dtype(), rows.dim());
        let current = RwLock::new(Arc::new(snapshot));
        FlatCore { metric, dtype, dim, current, writer: Mutex::new(()) }
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
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, next: impl FnOnce(&Snapshot) -> Result<(Snapshot, T)>) -> Result<T> {
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

    pub fn submit(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
    ) -> Result<Pending<Hits>> {
        if k == 0 {
            return Err(Error::argument("k", "0 neighbours are no search"));
        }
        let now = self.snapshot();
        let filter = now.filter(params, queries)?;
        let options = Options { row_ids: now.row_ids(), ..params.options() };
        let found = exact::submit_search(now.base(), queries, k, filter, options)?;
        Ok(found.map(move |found| Ok(now.hits(found))))
    }

    pub fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>> {
        let now = self.snapshot();
        let filter = now.filter(params, queries)?;
        let options = Options { row_ids: now.row_ids(), ..params.options() };
        let found = exact::submit_range(now.base(), queries, radius, filter, options)?;
        Ok(found.map(move |found| Ok(now.hits(found))))
    }
}

impl fmt::Debug for FlatCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FlatCore { metric, dtype, dim, .. } = self;
        write!(f, "{} x {dim} {dtype}, {metric}", self.snapshot().len())
    }
}

/// `Index` for a type whose `core` is a [`FlatCore`].
macro_rules! flat_index {
    ($index:ident) => {
        impl $crate::index::Index for $index {
            fn dim(&self) -> usize {
                self.core.dim()
            }

            fn metric(&self) -> &Metric {
                self.core.metric()
            }

            fn dtype(&self) -> DType {
                self.core.dtype()
            }

            fn len(&self) -> usize {
                self.core.snapshot().len()
            }

            fn add_from(&self, source: &mut dyn RowSource) -> Result<Range<u64>> {
                self.core.add(source, None)
            }

            fn add_from_with_ids(&self, source: &mut dyn RowSource, ids: &[u64]) -> Result<()> {
                self.core.add(source, Some(ids)).map(|_| ())
            }

            fn update(&self, id: u64, row: Rows<'_>) -> Result<()> {
                self.core.update(id, row)
            }

            fn remove(&self, ids: &[u64]) -> Result<usize> {
                self.core.remove(ids)
            }

            fn contains(&self, id: u64) -> bool {
                self.core.snapshot().row_of(id).is_ok()
            }

            fn reconstruct_bytes(&self, id: u64) -> Result<Vec<u8>> {
                self.core.snapshot().reconstruct(id)
            }

            fn submit(
                &self,
                queries: Rows<'_>,
                k: usize,
                params: &SearchParams,
            ) -> Result<Pending<Hits>> {
                self.core.submit(queries, k, params)
            }

            fn submit_range(
                &self,
                queries: Rows<'_>,
                radius: f32,
                params: &SearchParams,
            ) -> Result<Pending<RangeHits>> {
                self.core.submit_range(queries, radius, params)
            }

            fn memory(&self) -> u64 {
                self.core.snapshot().base().bytes()
            }

            fn write(&self, path: &Path) -> Result<()> {
                $crate::index::persist::write_flat(&self.core.snapshot(), Self::KIND, path)
            }
        }

        impl fmt::Debug for $index {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($index), self.core)
            }
        }
    };
}
pub(super) use flat_index;

//! The public traits, for every index that is a core and nothing more.

use super::core::Core;
use super::stored::Stored;
use crate::buffer::Matrix;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{AtomicFile, RowSource};
use crate::index::add::AddParams;
use crate::index::changing::Index;
use crate::index::hits::{Hits, RangeHits};
use crate::index::ids::{IdFilter, Prepare, PreparedFilter, QueryFilter};
use crate::index::params::{Ask, Breadth, SearchParams, TrainParams};
use crate::index::stream::HitStream;
use crate::index::traits::Search;
use crate::metric::Metric;
use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// An index that is a [`Core`] of one kind of rows. By that it is a [`Search`] and an [`Index`].
pub(in crate::index) trait Backed: Send + Sync + fmt::Debug + 'static {
    /// Its name in files.
    const KIND: &str;

    type Rows: Stored;

    fn core(&self) -> &Core<Self::Rows>;

    /// The index of a core.
    fn of(core: Core<Self::Rows>) -> Self;
}

impl<T: Backed> Search for T {
    fn dim(&self) -> usize {
        self.core().dim()
    }

    fn metric(&self) -> &Metric {
        self.core().metric()
    }

    fn dtype(&self) -> DType {
        self.core().dtype()
    }

    fn len(&self) -> usize {
        self.core().snapshot().len()
    }

    fn description(&self) -> String {
        self.core().snapshot().rows().description()
    }

    fn is_trained(&self) -> bool {
        self.core().snapshot().rows().is_trained()
    }

    fn breadth(&self) -> Option<Breadth> {
        self.core().snapshot().rows().breadth()
    }

    fn assign(&self, queries: Rows<'_>, n: usize) -> Result<Hits> {
        self.core().assign(queries, n)
    }

    fn search_and_reconstruct(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
    ) -> Result<(Hits, Vec<f32>)> {
        self.core().search_and_reconstruct(queries, k, params)
    }

    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>> {
        self.core().submit(queries, Ask::Nearest(k), params)
    }

    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>> {
        self.core().submit(queries, Ask::Within(radius), params)
    }

    fn prepare_filter(&self, filter: IdFilter) -> Result<PreparedFilter> {
        self.core().prepare(Prepare::Shared(filter))
    }

    fn prepare_query_filter(&self, filter: QueryFilter) -> Result<PreparedFilter> {
        self.core().prepare(Prepare::Each(filter))
    }

    fn search_stream(
        &self,
        queries: Rows<'_>,
        k: usize,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.core().stream(queries, Ask::Nearest(k), block, params)
    }

    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.core().stream(queries, Ask::Within(radius), block, params)
    }

    fn memory(&self) -> u64 {
        self.core().snapshot().rows().bytes()
    }
}

impl<T: Backed> Index for T {
    fn train_with(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()> {
        self.core().train(sample, params)
    }

    fn training_rows(&self) -> usize {
        self.core().snapshot().rows().training_rows()
    }

    fn add_from_with(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        self.core().add(source, params)
    }

    fn add_matrix_with(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>> {
        self.core().add_matrix(matrix, params)
    }

    fn update_rows(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.core().update(rows, ids)
    }

    fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize> {
        self.core().upsert(rows, ids)
    }

    fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.core().remove(ids)
    }

    fn merge_from(&self, other: &dyn Index) -> Result<usize> {
        match other.as_any().and_then(|other| other.downcast_ref::<T>()) {
            Some(other) => self.core().merge(other.core()),
            None => {
                let (ours, theirs) = (self.description(), other.description());
                let reason =
                    format!("{theirs} into {ours}: rows are merged of indexes of one kind");
                Err(Error::argument("other", reason))
            }
        }
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn forked(&self, next_id: u64) -> Option<(Box<dyn Index>, u64)> {
        let (core, next_id) = self.core().forked(next_id);
        Some((Box::new(T::of(core)), next_id))
    }

    fn contains(&self, id: u64) -> bool {
        self.core().snapshot().row_of(id).is_ok()
    }

    fn ids(&self) -> Vec<u64> {
        self.core().snapshot().live_ids()
    }

    fn reconstruct_into(&self, ids: &[u64], out: &mut [u8]) -> Result<()> {
        self.core().snapshot().reconstruct(ids, out)
    }

    fn write_unnamed(&self, path: &Path) -> Result<AtomicFile> {
        self.core().write(T::KIND, path)
    }
}

//! The public traits, for every index that is a core and nothing more.

use super::core::Core;
use super::stored::Stored;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::Result;
use crate::format::RowSource;
use crate::index::hits::{Hits, RangeHits};
use crate::index::params::{Ask, SearchParams};
use crate::index::stream::HitStream;
use crate::index::traits::{Index, Search};
use crate::metric::Metric;
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// An index that is a [`Core`] of one kind of rows. By that it is a [`Search`] and an [`Index`].
pub(in crate::index) trait Backed: Send + Sync + fmt::Debug {
    /// Its name in files.
    const KIND: &str;

    type Rows: Stored;

    fn core(&self) -> &Core<Self::Rows>;
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
    fn train(&self, sample: Rows<'_>) -> Result<()> {
        self.core().train(sample)
    }

    fn add_from(&self, source: &mut dyn RowSource) -> Result<Range<u64>> {
        self.core().add(source, None)
    }

    fn add_from_with_ids(&self, source: &mut dyn RowSource, ids: &[u64]) -> Result<()> {
        self.core().add(source, Some(ids)).map(|_| ())
    }

    fn update(&self, id: u64, row: Rows<'_>) -> Result<()> {
        self.core().update(id, row)
    }

    fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.core().remove(ids)
    }

    fn contains(&self, id: u64) -> bool {
        self.core().snapshot().row_of(id).is_ok()
    }

    fn reconstruct_bytes(&self, id: u64) -> Result<Vec<u8>> {
        self.core().snapshot().reconstruct(id)
    }

    fn write(&self, path: &Path) -> Result<()> {
        self.core().write(T::KIND, path)
    }
}

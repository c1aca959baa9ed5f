//! What an index of two stages does: what both do, together.

use super::candidates;
use super::files;
use super::refine::Refine;
use super::stages::Stages;
use crate::buffer::Matrix;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{AtomicFile, RowSource};
use crate::index::add::AddParams;
use crate::index::changing::Index;
use crate::index::hits::{Hits, RangeHits};
use crate::index::ids::{IdFilter, PreparedFilter, QueryFilter};
use crate::index::params::{Ask, Breadth, SearchParams, TrainParams};
use crate::index::persist::FileWriter;
use crate::index::stream::HitStream;
use crate::index::traits::Search;
use crate::metric::Metric;
use std::any::Any;
use std::ops::Range;
use std::path::Path;

/// Blocks of a stream that are searched at a time.
const BLOCKS: usize = 2;

impl Refine {
    fn stream(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        let now = self.now();
        let excluded = candidates::excluded(&now, queries, params)?;
        let what = (&self.metric, self.dtype, self.dim);
        let start = move |queries: Rows<'_>, params: &SearchParams| {
            candidates::submit(&now, queries, ask, params)
        };
        HitStream::new(what, queries, (block, BLOCKS), params, excluded, Box::new(start))
    }
}

impl Search for Refine {
    fn dim(&self) -> usize {
        self.dim
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn len(&self) -> usize {
        self.now().rows.index().len()
    }

    fn description(&self) -> String {
        let now = self.now();
        format!("{},{}", now.base.description(), now.rows.token())
    }

    fn is_trained(&self) -> bool {
        let now = self.now();
        now.base.is_trained() && now.rows.index().is_trained()
    }

    fn breadth(&self) -> Option<Breadth> {
        self.now().base.breadth()
    }

    fn assign(&self, queries: Rows<'_>, n: usize) -> Result<Hits> {
        self.now().base.assign(queries, n)
    }

    fn search_with(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Hits> {
        candidates::search(&self.now(), queries, Ask::Nearest(k), params)
    }

    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>> {
        candidates::submit(&self.now(), queries, Ask::Nearest(k), params)
    }

    fn search_and_reconstruct(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
    ) -> Result<(Hits, Vec<f32>)> {
        let now = self.now();
        let hits = candidates::search(&now, queries, Ask::Nearest(k), params)?;
        let rows = now.rows.index().reconstruct_many(hits.ids())?;
        Ok((hits, rows))
    }

    fn range_search_with(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<RangeHits> {
        candidates::search(&self.now(), queries, Ask::Within(radius), params)
    }

    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>> {
        candidates::submit(&self.now(), queries, Ask::Within(radius), params)
    }

    fn prepare_filter(&self, filter: IdFilter) -> Result<PreparedFilter> {
        self.now().base.prepare_filter(filter)
    }

    fn prepare_query_filter(&self, filter: QueryFilter) -> Result<PreparedFilter> {
        self.now().base.prepare_query_filter(filter)
    }

    fn search_stream(
        &self,
        queries: Rows<'_>,
        k: usize,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.stream(queries, Ask::Nearest(k), block, params)
    }

    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.stream(queries, Ask::Within(radius), block, params)
    }

    fn memory(&self) -> u64 {
        self.now().memory()
    }
}

impl Refine {
    /// Adds by `add`, and tells that all is done once it is.
    fn adding(
        &self,
        params: &AddParams<'_>,
        add: impl FnOnce(&Stages) -> Result<Range<u64>>,
    ) -> Result<Range<u64>> {
        let given = self.change(|stages| {
            let given = add(stages)?;
            params.check().map(|()| given)
        })?;
        if let Some(progress) = &params.progress {
            progress(1.0);
        }
        Ok(given)
    }
}

impl Index for Refine {
    fn train_with(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()> {
        self.change(|stages| stages.train(sample, params))
    }

    fn training_rows(&self) -> usize {
        let now = self.now();
        now.base.training_rows().max(now.rows.index().training_rows())
    }

    fn add_with(&self, rows: Rows<'_>, params: &AddParams<'_>) -> Result<Range<u64>> {
        self.adding(params, |stages| stages.add(rows, params))
    }

    fn add_from_with(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        self.adding(params, |stages| stages.add_from(source, params))
    }

    fn add_matrix_with(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>> {
        self.adding(params, |stages| stages.add_matrix(matrix, params))
    }

    fn update_rows(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.change(|stages| stages.update(rows, ids))
    }

    fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize> {
        self.change(|stages| stages.upsert(rows, ids))
    }

    fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.change(|stages| stages.remove(ids))
    }

    fn merge_from(&self, other: &dyn Index) -> Result<usize> {
        let Some(other) = other.as_any().and_then(|any| any.downcast_ref::<Refine>()) else {
            let (ours, theirs) = (self.description(), other.description());
            let reason = format!("{theirs} into {ours}: rows are merged of indexes of one kind");
            return Err(Error::argument("other", reason));
        };
        // its state first, so that no thread ever waits for two indexes
        let other = other.now();
        self.change(|stages| stages.merge(&other))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn contains(&self, id: u64) -> bool {
        self.now().rows.index().contains(id)
    }

    fn ids(&self) -> Vec<u64> {
        self.now().rows.index().ids()
    }

    fn reconstruct_into(&self, ids: &[u64], out: &mut [u8]) -> Result<()> {
        self.now().rows.index().reconstruct_into(ids, out)
    }

    fn write_unnamed(&self, path: &Path) -> Result<AtomicFile> {
        let mut file = FileWriter::create(path)?;
        files::write_refine(self, &mut file)?;
        file.complete()
    }
}

//! What an index behind transforms does: that of the index within, with what rows and queries become.

use super::pre_transform::PreTransform;
use crate::buffer::Matrix;
use crate::call::Pending;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::{AtomicFile, RowSource};
use crate::index::add::AddParams;
use crate::index::changing::Index;
use crate::index::hits::{Hits, RangeHits};
use crate::index::ids::{IdFilter, PreparedFilter, QueryFilter};
use crate::index::kinds;
use crate::index::params::{Breadth, SearchParams, TrainParams, rising};
use crate::index::persist::{self, FileWriter, Info, PRE_TRANSFORM};
use crate::index::stream::HitStream;
use crate::index::traits::Search;
use crate::metric::Metric;
use std::any::Any;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The share of training that the transforms are said to be, where they have to learn.
const CHAIN_SHARE: f64 = 0.5;

impl Search for PreTransform {
    fn dim(&self) -> usize {
        self.chain().dim_in()
    }

    fn metric(&self) -> &Metric {
        self.index.metric()
    }

    fn dtype(&self) -> DType {
        DType::F32
    }

    fn len(&self) -> usize {
        self.index.len()
    }

    fn description(&self) -> String {
        self.chain().description() + &self.index.description()
    }

    fn is_trained(&self) -> bool {
        self.chain().is_trained() && self.index.is_trained()
    }

    fn breadth(&self) -> Option<Breadth> {
        self.index.breadth()
    }

    fn assign(&self, queries: Rows<'_>, n: usize) -> Result<Hits> {
        self.index.assign(Rows::F32(&self.queries(queries)?), n)
    }

    /// The rows beside the hits are what the transforms would make the stored rows of.
    fn search_and_reconstruct(
        &self,
        queries: Rows<'_>,
        k: usize,
        params: &SearchParams,
    ) -> Result<(Hits, Vec<f32>)> {
        let (chain, queries) = (self.chain(), self.queries(queries)?);
        // first what may be refused, then what takes time
        chain.reverse(&[])?;
        let (hits, rows) = self.index.search_and_reconstruct(Rows::F32(&queries), k, params)?;
        let rows = chain.reverse(&rows)?;
        Ok((hits, rows))
    }

    fn submit(&self, queries: Rows<'_>, k: usize, params: &SearchParams) -> Result<Pending<Hits>> {
        self.index.submit(Rows::F32(&self.queries(queries)?), k, params)
    }

    fn submit_range(
        &self,
        queries: Rows<'_>,
        radius: f32,
        params: &SearchParams,
    ) -> Result<Pending<RangeHits>> {
        self.index.submit_range(Rows::F32(&self.queries(queries)?), radius, params)
    }

    fn prepare_filter(&self, filter: IdFilter) -> Result<PreparedFilter> {
        self.index.prepare_filter(filter)
    }

    fn prepare_query_filter(&self, filter: QueryFilter) -> Result<PreparedFilter> {
        self.index.prepare_query_filter(filter)
    }

    fn search_stream(
        &self,
        queries: Rows<'_>,
        k: usize,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.index.search_stream(Rows::F32(&self.queries(queries)?), k, block, params)
    }

    fn range_stream(
        &self,
        queries: Rows<'_>,
        radius: f32,
        block: usize,
        params: &SearchParams,
    ) -> Result<HitStream> {
        self.index.range_stream(Rows::F32(&self.queries(queries)?), radius, block, params)
    }

    fn memory(&self) -> u64 {
        self.index.memory()
    }
}

impl Index for PreTransform {
    fn train_with(&self, sample: Rows<'_>, params: &TrainParams) -> Result<()> {
        let _training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = self.chain();
        let first = if chain.is_trained() { 0.0 } else { CHAIN_SHARE };
        let progress = params.progress.clone().map(rising);
        let told = |share: f64| {
            params.cancel.as_ref().map_or(Ok(()), |cancel| cancel.check())?;
            if let Some(progress) = &progress {
                progress(first * share);
            }
            Ok(())
        };
        let (trained, rows) = chain.train(&self.gpu, sample, &told)?;
        let mut within = params.clone();
        if let Some(progress) = progress.clone() {
            within = within.progress(move |share| progress(first + (1.0 - first) * share));
        }
        self.index.train_with(Rows::F32(&rows), &within)?;
        *self.chain.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trained);
        Ok(())
    }

    fn training_rows(&self) -> usize {
        self.chain().training_rows().max(self.index.training_rows())
    }

    fn add_from_with(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        self.add(source, params)
    }

    fn add_matrix_with(&self, matrix: &Matrix, params: &AddParams<'_>) -> Result<Range<u64>> {
        self.add(&mut matrix.source(), params)
    }

    fn update_rows(&self, rows: Rows<'_>, ids: &[u64]) -> Result<()> {
        self.index.update_rows(Rows::F32(&self.stored(rows)?), ids)
    }

    fn upsert(&self, rows: Rows<'_>, ids: &[u64]) -> Result<usize> {
        self.index.upsert(Rows::F32(&self.stored(rows)?), ids)
    }

    fn remove(&self, ids: &[u64]) -> Result<usize> {
        self.index.remove(ids)
    }

    fn merge_from(&self, other: &dyn Index) -> Result<usize> {
        let refused = |reason: String| Err(Error::argument("other", reason));
        let Some(other) = other.as_any().and_then(|any| any.downcast_ref::<PreTransform>()) else {
            let (ours, theirs) = (self.description(), other.description());
            return refused(format!(
                "{theirs} into {ours}: rows are merged of indexes of one kind"
            ));
        };
        if *self.chain() != *other.chain() {
            let reason =
                "its transforms are not equal to these to the bit, so that its rows are others";
            return refused(reason.into());
        }
        self.index.merge_from(&*other.index)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn forked(&self, next_id: u64) -> Option<(Box<dyn Index>, u64)> {
        // of one state: rows and the transforms that they went through
        let _training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, next_id) = self.index.forked(next_id)?;
        let (gpu, chain, training) = (self.gpu.clone(), RwLock::new(self.chain()), Mutex::new(()));
        Some((Box::new(PreTransform { gpu, chain, training, index }), next_id))
    }

    fn contains(&self, id: u64) -> bool {
        self.index.contains(id)
    }

    fn ids(&self) -> Vec<u64> {
        self.index.ids()
    }

    fn reconstruct_into(&self, ids: &[u64], out: &mut [u8]) -> Result<()> {
        let chain = self.chain();
        let row_bytes = 4 * chain.dim_in();
        if ids.len().checked_mul(row_bytes) != Some(out.len()) {
            let reason = format!("{} bytes for {} rows of {row_bytes}", out.len(), ids.len());
            return Err(Error::argument("out", reason));
        }
        chain.reverse(&[])?;
        let rows = chain.reverse(&self.index.reconstruct_many(ids)?)?;
        out.copy_from_slice(bytemuck::cast_slice(&rows));
        Ok(())
    }

    fn write_unnamed(&self, path: &Path) -> Result<AtomicFile> {
        let mut file = FileWriter::create(path)?;
        self.write_to(&mut file)?;
        file.complete()
    }
}

impl PreTransform {
    /// Writes the sections of a file.
    pub(super) fn write_to(&self, file: &mut FileWriter) -> Result<()> {
        let _training = self.training.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, metric) = (PRE_TRANSFORM.to_owned(), self.metric().clone());
        Info { kind, dtype: DType::F32, dim: self.dim(), metric }.write(file)?;
        persist::write_transforms(file, self.chain().transforms())?;
        kinds::write(&*self.index, file)
    }
}

//! An index behind transforms of vectors.

use super::refine::Refine;
use super::transformed::Transformed;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::add::AddParams;
use crate::index::changing::Index;
use crate::index::kinds;
use crate::index::other_type::wrong_type;
use crate::index::persist::{self, IndexReader, Info, PRE_TRANSFORM};
use crate::quantize::{Chain, VectorTransform};
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// An index behind transforms: FAISS's `IndexPreTransform`. What is added and what is searched for goes through the transforms, one after
/// the other, before the index within gets it, so that rows of 128 elements, say, are compared by their 32 principal components.
///
/// From [`PreTransform::new`], [`PreTransform::read`] or [`index_factory`](crate::index_factory) (`PCA32,Flat`, `OPQ16_64,IVF1024,SQ8`).
/// [`train`](Index::train) has the transforms learn that have not, each from what those before it make of the sample, and then the index
/// within. What has learnt stays as it is, also when it is trained again, since there may be rows that went through it; the index within learns
/// anew. Rows are f32, queries of any type but bits. Ids, filters, removal, and the order of equal distances are those of the index within;
/// what is refused of a row (NaN, say) is named by its number, and rows given back are those that the transforms would make the stored rows of
/// ([`VectorTransform::reverse`]), or an error where none is known.
///
/// Cost: that of the index within, and for rows and queries what [`VectorTransform`] says, on the host. A [`Matrix`](crate::Matrix) on the device comes to
/// the host for it. A filter that is prepared costs no more than of the index within.
///
/// # Accuracy
/// Distances are those of transformed rows, in f32: what a transform leaves out, no search sees. Otherwise the answer is that of the index within,
/// of [`Flat`](crate::Flat) exact, and the same to the bit whatever the batch.
///
/// # Example
/// ```no_run
/// use nearfield::{DType, Flat, Gpu, Index, Metric, PreTransform, Rows, Search, VectorTransform};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let gpu = Gpu::new()?;
/// let within = Box::new(Flat::new(&gpu, 32, Metric::L2)?);
/// let index = PreTransform::new(&gpu, vec![VectorTransform::pca(128, 32)?], within)?;
/// index.train(Rows::F32(&rows[..128 * 100_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// assert_eq!((index.dim(), index.description()), (128, "PCA32,Flat".into()));
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexPreTransform"))]
pub struct PreTransform {
    pub(super) gpu: Gpu,
    /// Which changes once, when it is trained.
    pub(super) chain: RwLock<Arc<Chain>>,
    /// Held while that is done, and while a file is written, which has to be of one state.
    pub(super) training: Mutex<()>,
    pub(super) index: Box<dyn Index>,
}

impl PreTransform {
    /// An index behind some transforms, the first of which is the first to be applied. Transforms that are trained and rows that `index` has stay as
    /// they are.
    ///
    /// # Errors
    /// `InvalidArgument` where there is no transform, where one does not take what the one before makes, and for rows in an index behind
    /// transforms that have yet to learn; `DimensionMismatch` for an index of rows of other elements; `Unsupported` for one of another type
    /// than f32, and for one that is behind transforms itself, which make one list with these.
    pub fn new(
        gpu: &Gpu,
        transforms: Vec<VectorTransform>,
        index: Box<dyn Index>,
    ) -> Result<PreTransform> {
        let chain = Chain::new(transforms)?;
        if index.dim() != chain.dim_out() {
            let (expected, actual) = (chain.dim_out(), index.dim());
            return Err(Error::DimensionMismatch { expected, actual });
        }
        let refused = |item: String| Err(Error::unsupported("PreTransform", item));
        if index.dtype() != DType::F32 {
            return refused(format!("an index of {}, where transforms make f32", index.dtype()));
        }
        if is_one(&*index) {
            return refused("an index that is one itself: give all transforms together".into());
        }
        if index.as_any().is_some_and(|any| any.is::<Refine>()) {
            let item = "an index that compares candidates again: put the transforms before its first stage, and it has the rows as they are";
            return refused(item.into());
        }
        if !chain.is_trained() && !index.is_empty() {
            let rows = index.len();
            let reason = format!("{rows} rows behind transforms that have yet to learn");
            return Err(Error::argument("index", reason));
        }
        let (chain, training) = (RwLock::new(Arc::new(chain)), Mutex::new(()));
        Ok(PreTransform { gpu: gpu.clone(), chain, training, index })
    }

    /// Reads what [`Index::write`] wrote, if it was a `PreTransform`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, PreTransform, Search};
    /// let index = PreTransform::read(&Gpu::new()?, "components.nf")?;
    /// for transform in index.transforms() {
    ///     println!("{transform}: {} to {} elements", transform.dim_in(), transform.dim_out());
    /// }
    /// println!("behind them {} of {} rows", index.index().description(), index.len());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<PreTransform> {
        let reader = persist::open_kind(path.as_ref(), PRE_TRANSFORM)?;
        reader.whole(|reader| PreTransform::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<PreTransform> {
        let transforms = persist::read_transforms(&mut reader.file)?;
        let chain = Chain::new(transforms).map_err(|e| reader.fault(e.to_string()))?;
        let Info { dtype, dim, metric, .. } = &reader.info;
        if *dtype != DType::F32 || *dim != chain.dim_in() {
            let reason = format!("rows of {dim} {dtype} for transforms of {} f32", chain.dim_in());
            return Err(reader.fault(reason));
        }
        let metric = metric.clone();
        reader.go_on()?;
        let (kind, its) = (reader.kind(), &reader.info);
        if (its.dim, its.dtype, &its.metric) != (chain.dim_out(), DType::F32, &metric) {
            let (dim, dtype, its) = (its.dim, its.dtype, &its.metric);
            let ours = chain.dim_out();
            let reason = format!(
                "a {kind} of {dim} {dtype} under {its} behind transforms to {ours} f32 under {metric}"
            );
            return Err(reader.fault(reason));
        }
        // what is wrong between them is known when both are there
        let fault = |e: Error| reader.fault(e.to_string());
        let untrained =
            fault(Error::argument("index", "rows behind transforms that are not trained"));
        let index = kinds::read(gpu, reader)?;
        if !chain.is_trained() && !index.is_empty() {
            return Err(untrained);
        }
        PreTransform::new(gpu, chain.transforms().to_vec(), index)
    }

    /// The transforms, in the order in which they are applied.
    pub fn transforms(&self) -> Vec<VectorTransform> {
        self.chain().transforms().to_vec()
    }

    /// The index behind the transforms, which knows of none: rows that are added to it are taken for transformed ones.
    pub fn index(&self) -> &dyn Index {
        &*self.index
    }

    pub(super) fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.chain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What queries become.
    pub(super) fn queries(&self, queries: Rows<'_>) -> Result<Vec<f32>> {
        self.chain().apply(queries, 0)
    }

    /// What rows become that are to be stored.
    pub(super) fn stored(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        if rows.dtype() != DType::F32 {
            return Err(wrong_type(rows.dtype(), DType::F32));
        }
        self.chain().apply(rows, 0)
    }

    pub(super) fn add(
        &self,
        source: &mut dyn RowSource,
        params: &AddParams<'_>,
    ) -> Result<Range<u64>> {
        let chain = self.chain();
        self.index.add_from_with(&mut Transformed::new(source, &chain)?, params)
    }
}

fn is_one(index: &dyn Index) -> bool {
    index.as_any().is_some_and(|any| any.is::<PreTransform>())
}

impl fmt::Debug for PreTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreTransform({}{:?})", self.chain().description(), self.index)
    }
}

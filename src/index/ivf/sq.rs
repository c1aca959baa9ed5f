//! Codes of a scalar quantizer, in the lists of their nearest centroids.

use super::coded_rows::CodedRows;
use super::name::lists_of;
use super::originals::Originals;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::index::codes::{CodeName, RowCodes};
use crate::index::persist::{self, IVF_SQ, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{Quantizer, ScalarQuantizer, SqType};
use std::path::Path;

/// Search of the nearest lists of rows in fewer bits: FAISS's `IndexIVFScalarQuantizer`.
///
/// As an [`IvfFlat`](crate::IvfFlat), but each row is the code of a [`ScalarQuantizer`]: a quarter of the memory of f32 with 8 bits an
/// element, half with 16. Rows go in as f32, each into the list that the row is nearest to, and come back
/// ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for. The row itself is encoded, or, of
/// [`with_residuals`](Self::with_residuals), what its centroid leaves of it (FAISS's `by_residual`), as by
/// [`index_factory`](crate::index_factory).
///
/// Training learns the centroids, and the ranges of the quantizer if it has some. Training again is refused while there are codes
/// that other ranges would give another meaning.
///
/// [`with_originals`](Self::with_originals) keeps the rows, too, on the device or on the host, so that answers are exact.
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct), [`Cosine`](Metric::Cosine),
/// [`CosineDistance`](Metric::CosineDistance).
///
/// Cost: a byte an element of device memory, of [`Fp16`](SqType::Fp16) and [`Bf16`](SqType::Bf16) two, and 4 bytes a row where codes are of
/// residuals; codes of 6 and 4 bits take a byte there, too, and are packed in files. Rows are encoded on several threads of the host.
///
/// # Accuracy
/// A distance is that of the query to the decoded row in f32, computed as a [`Flat`](crate::Flat) of the decoded rows would, to the bit.
/// Of the lists that are looked at no code is missed that is nearer by this distance, whatever the batch. How far a decoded row is from
/// the one that was added is up to the quantizer: half a step in each element within its range. A
/// row whose code stands for less than 2^-60 in length counts as zero under cosine. An
/// element beyond the range that was learnt becomes the nearest end of it, without a word, as in FAISS: train on rows like those to come.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, IvfSq, Metric, Rows, Search, SqType};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let index = IvfSq::new(&Gpu::new()?, 128, Metric::L2, 4096, SqType::Bits8)?;
/// index.train(Rows::F32(&rows[..128 * 200_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexIVFScalarQuantizer", "IVFSQ"))]
#[derive(Debug)]
pub struct IvfSq(Core<CodedRows>);

impl IvfSq {
    /// An index that has yet to be trained, of codes of rows.
    ///
    /// # Errors
    /// As [`IvfSq::with_quantizer`]; `InvalidArgument` for a `dim` of 0.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, nlist: usize, kind: SqType) -> Result<IvfSq> {
        IvfSq::with_quantizer(gpu, metric, nlist, &ScalarQuantizer::new(dim, kind)?)
    }

    /// An index of the dimension, the type and the statistic of a quantizer. Training learns its ranges anew.
    ///
    /// # Errors
    /// `Unsupported` for other metrics; `InvalidArgument` for an `nlist` of 0, or ranges that rows of more than 2^60 may lie in;
    /// `LimitExceeded`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfSq, Metric, ScalarQuantizer, SqRange, SqType};
    /// // outliers, a hundredth on either side, are left out of the ranges
    /// let quantizer = ScalarQuantizer::new(128, SqType::Bits4)?.with_range(SqRange::Quantiles(0.01))?;
    /// let index = IvfSq::with_quantizer(&Gpu::new()?, Metric::L2, 1024, &quantizer)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_quantizer(
        gpu: &Gpu,
        metric: Metric,
        nlist: usize,
        quantizer: &ScalarQuantizer,
    ) -> Result<IvfSq> {
        IvfSq::made(gpu, &metric, quantizer, false, (nlist, None))
    }

    /// Of a type, of rows or of what the lists leave of them, as a description says.
    pub(in crate::index) fn described(
        gpu: &Gpu,
        dim: usize,
        metric: &Metric,
        nlist: usize,
        (kind, residual): (SqType, bool),
    ) -> Result<IvfSq> {
        IvfSq::made(gpu, metric, &ScalarQuantizer::new(dim, kind)?, residual, (nlist, None))
    }

    fn made(
        gpu: &Gpu,
        metric: &Metric,
        quantizer: &ScalarQuantizer,
        residual: bool,
        lists: (usize, Option<&[f32]>),
    ) -> Result<IvfSq> {
        let codes = RowCodes::new(Quantizer::Scalar(quantizer.clone()), residual);
        Ok(IvfSq(Core::new(CodedRows::new(gpu, metric, &codes, lists, Originals::None)?)))
    }

    /// An index of these centroids, a list for each, and of a quantizer that is trained: it needs no training.
    ///
    /// # Errors
    /// As [`IvfSq::with_quantizer`] and [`IvfFlat::set_centroids`](crate::IvfFlat::set_centroids).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, IvfSq, Metric, ScalarQuantizer, Search, SqType};
    /// let quantizer = ScalarQuantizer::new(2, SqType::Uniform8)?.with_trained(&[0.0, 10.0])?;
    /// let centroids = [0.0, 0.0, 10.0, 10.0]; // of two lists
    /// let index = IvfSq::with_centroids(&Gpu::new()?, Metric::L2, &quantizer, &centroids)?;
    /// index.add(&[1.0, 0.0, 9.0, 9.0])?;
    /// assert_eq!((index.list_sizes(), index.is_trained()), (vec![1, 1], true));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(
        gpu: &Gpu,
        metric: Metric,
        quantizer: &ScalarQuantizer,
        centroids: &[f32],
    ) -> Result<IvfSq> {
        let nlist = Rows::F32(centroids).count(quantizer.dim())?;
        IvfSq::made(gpu, &metric, quantizer, false, (nlist, Some(centroids)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `IvfSq`; otherwise as
    /// [`read_index`](crate::read_index). No row is assigned anew, and encoded only where originals are kept.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfSq};
    /// let index = IvfSq::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} of {} lists are looked at", index.nprobe(), index.nlist());
    /// println!("codes of {} bytes", index.quantizer().code_bytes());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<IvfSq> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| IvfSq::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<IvfSq> {
        let core = Core::read(reader, |info| {
            // what the rows are codes of, and how many lists there are, stands behind the ids
            let quantizer = ScalarQuantizer::of_bytes(info.dim);
            let codes = RowCodes::new(Quantizer::Scalar(quantizer), false);
            CodedRows::new(gpu, &info.metric, &codes, (1, None), Originals::None)
        })?;
        Ok(IvfSq(core))
    }

    /// An empty index by its description, `IVF1024,SQ8`, as [`index_factory`](crate::index_factory) makes it, of this type: of residuals where
    /// that does.
    ///
    /// # Errors
    /// As [`index_factory`](crate::index_factory); `Unsupported` for the description of another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfSq, Metric, Originals};
    /// let index = IvfSq::from_description(&Gpu::new()?, 128, "IVF1024,SQ8", Metric::L2)?;
    /// assert!(index.by_residual());
    /// // of rows, as IVF1024,SQ8_rows
    /// let exact = index.with_residuals(false)?.with_originals(Originals::Device)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_description(
        gpu: &Gpu,
        dim: usize,
        description: &str,
        metric: Metric,
    ) -> Result<IvfSq> {
        let (nlist, codes) = lists_of(description).transpose()?.unwrap_or_default();
        match codes.and_then(CodeName::scalar) {
            Some(of) => IvfSq::described(gpu, dim, &metric, nlist, of),
            None => Err(Error::unsupported("IvfSq", format!("the description {description:?}"))),
        }
    }

    /// The same with originals kept or without.
    ///
    /// With [`Originals::Device`] the rows stay on the device as they were added, and a byte an element beside them, so that all is as of an
    /// [`IvfFlat`](crate::IvfFlat) of f32 rows: distances are those of the rows, of the lists that are looked at no row is missed,
    /// [`Guarantee::Exact`](crate::Guarantee::Exact) is of the rows, and these come back. What is read of most rows are those bytes, half
    /// of the copy in f16 that an [`IvfFlat`](crate::IvfFlat) has: how far each is off is measured, and rows that might be hits are
    /// compared exactly. The bytes are the codes, or, under cosine and wherever that loses less, as it does unless rows lie far from the
    /// origin, 8 bits an element by a scale of each row. Elements outside the ranges make searches slower, and never wrong. Of
    /// [`Fp16`](SqType::Fp16) and [`Bf16`](SqType::Bf16) there is the copy in f16 instead, which is as narrow as codes would be.
    ///
    /// With [`Originals::Host`] the rows lie in host memory and the device has the codes alone: a quarter of the memory of f32 and less.
    /// The answers are the same. The device finds somewhat more than twice k codes, by an exact search of these; the host computes the
    /// distances of their rows. How far each row is from what its code stands for is known, so that the distance of the last code tells
    /// how near any other row can be. Rows whose codes are off by most, as those outside of the ranges are, are looked at one by one.
    /// A query that is still open is asked again for four times as many codes, in the end for all. Of 8 bits that is rare
    /// ([`OriginalsStats`](crate::OriginalsStats) counts it); of 4 bits, or of ranges learnt from other rows, it is frequent, and a search
    /// may cost what comparing all rows on the host does. A search runs on a thread of its own, and several threads compare.
    ///
    /// Training again is possible with rows: their codes are made anew. Files have codes and originals both, and are read
    /// with them, to where they were; those of the host are read into memory, not mapped, and encoded once more. To leave the originals of
    /// an index that has rows away is possible, or to bring them to the device or back from it; once they are away they are not to be had
    /// again.
    ///
    /// Cost: with `Device` 5 bytes an element of device memory, of types of 16 bits 4 or 6; with `Host` 1 or 2, and 4 of host memory, with
    /// 4 bytes a row. The first search after a change sorts one row in 64 by what its code is off by. Taking originals away from the device
    /// encodes all rows on the host; bringing them to it uploads them.
    ///
    /// # Accuracy
    /// Of `Host` distances are computed by the processor in the order of the device's kernels, and rounded where these round. They are those of `Device` to the bit, but
    /// on a device that takes numbers below 2^-126 for zero, and under cosine where its roots and quotients are not the nearest numbers.
    ///
    /// # Errors
    /// `Unsupported` for originals of rows that are codes already; `InvalidArgument` for ranges that rows of more than 2^60 may lie in, and
    /// for rows that do not fit in host memory, as adding to such an index says, too; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, IvfSq, Metric, Originals, Rows, Search, SqType};
    /// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
    /// let index = IvfSq::new(&Gpu::new()?, 128, Metric::L2, 4096, SqType::Bits8)?;
    /// // or Originals::Device, for five times the device memory and more speed
    /// let index = index.with_originals(Originals::Host)?;
    /// assert_eq!(index.originals(), Originals::Host);
    /// index.train(Rows::F32(&rows[..128 * 200_000]))?;
    /// index.add(&rows)?;
    /// let hits = index.search(&queries, 10)?; // those of an IvfFlat of the same centroids
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("refine", "RFlat", "rescore"))]
    pub fn with_originals(self, originals: Originals) -> Result<IvfSq> {
        self.0.rebuild(|rows| rows.with_originals(originals))?;
        Ok(self)
    }

    /// The same whose codes are of what the centroid of its list leaves of each row, or of the rows: FAISS's `by_residual`, which its
    /// factory sets, as [`index_factory`](crate::index_factory) does. What is left is shorter than the rows, so that as many bits lose less of
    /// it; where rows are divided by their length it is of rows of length 1. Of [`Direct8`](SqType::Direct8) and
    /// [`Direct8Signed`](SqType::Direct8Signed) what is left has to be whole numbers within their range: adding refuses other rows, where FAISS
    /// wraps and cuts them off without a word.
    ///
    /// Such codes cannot be assigned anew: other centroids, and training, are refused where there are rows.
    ///
    /// Cost: 4 bytes a row for the number of its list; of [`Fp16`](SqType::Fp16) and [`Bf16`](SqType::Bf16) rows have a multiple of four
    /// elements on the device.
    ///
    /// # Errors
    /// `Unsupported` where there are rows. Adding returns `InvalidValue` also for a row of which more is left than the type can hold.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfSq, Metric, SqType};
    /// let index = IvfSq::new(&Gpu::new()?, 128, Metric::L2, 1024, SqType::Bits4)?.with_residuals(true)?;
    /// assert!(index.by_residual());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("by_residual"))]
    pub fn with_residuals(self, residual: bool) -> Result<IvfSq> {
        self.0.rebuild(|rows| rows.with_residuals(residual))?;
        Ok(self)
    }

    /// Whether codes are of what the centroids leave of rows.
    pub fn by_residual(&self) -> bool {
        self.0.snapshot().rows().codes.residual
    }

    /// Where the rows are kept that the codes are of.
    pub fn originals(&self) -> Originals {
        self.0.snapshot().rows().originals
    }

    /// What the rows are encoded by.
    pub fn quantizer(&self) -> ScalarQuantizer {
        let now = self.0.snapshot();
        let own = &now.rows().codes.quantizer;
        // it has no other
        own.scalar().cloned().unwrap_or_else(|| ScalarQuantizer::of_bytes(own.dim()))
    }

    /// How many lists there are.
    pub fn nlist(&self) -> usize {
        self.0.snapshot().rows().ivf.lists.nlist()
    }

    /// How many lists a search looks at that does not say so: as [`IvfFlat::nprobe`](crate::IvfFlat::nprobe).
    pub fn nprobe(&self) -> usize {
        self.0.snapshot().rows().ivf.nprobe
    }

    /// Has searches look at so many lists unless they say how many: as [`IvfFlat::set_nprobe`](crate::IvfFlat::set_nprobe).
    ///
    /// # Errors
    /// `InvalidArgument` for 0 and for 2^32 or more.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfSq::read(&Gpu::new()?, "codes.nf")?;
    /// index.set_nprobe(2 * index.nprobe())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_nprobe(&self, nprobe: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_nprobe(nprobe))
    }

    /// The elements of all centroids, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?;
    /// let index = IvfSq::read(&gpu, "codes.nf")?;
    /// // the same lists and codes for other rows; these two can be merged
    /// let (centroids, metric) = (index.centroids()?, index.metric().clone());
    /// let other = IvfSq::with_centroids(&gpu, metric, &index.quantizer(), &centroids)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn centroids(&self) -> Result<Vec<f32>> {
        self.0.snapshot().rows().ivf.centroids()
    }

    /// How many rows each list has; those that were removed do not count.
    pub fn list_sizes(&self) -> Vec<u64> {
        let now = self.0.snapshot();
        now.rows().ivf.list_sizes(now.live())
    }
}

impl Backed for IvfSq {
    const KIND: &str = IVF_SQ;

    type Rows = CodedRows;

    fn core(&self) -> &Core<CodedRows> {
        &self.0
    }

    fn of(core: Core<CodedRows>) -> IvfSq {
        IvfSq(core)
    }
}

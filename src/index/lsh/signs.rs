//! The public index of signs.

use super::name::Signs;
use super::rows::LshRows;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::index::persist::{self, IndexReader, LSH};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::SignQuantizer;
use std::path::Path;

/// Search by the signs of elements, a bit each: FAISS's `IndexLSH` (Charikar 2002, of random rotations).
///
/// Rows go in as f32, and a bit of each is kept for an element that is not below its threshold: of the row as it is, or, with a rotation, of
/// the row turned at random, whose bits are as many as one likes. Without thresholds these are 0; with them
/// [`train`](crate::Index::train) learns the median of each element, so that half of the rows have its bit, and adding and searching
/// before that are [`Error::NotTrained`]. Queries become bits likewise, of any type of numbers, and hits are the rows of which the fewest
/// bits differ. Behind [`VectorTransform::itq`](crate::VectorTransform::itq) (`ITQ64,LSH`) the bits are those of iterative quantization.
///
/// From [`Lsh::new`], [`Lsh::with_matrix`], [`Lsh::read`] or [`index_factory`](crate::index_factory): `LSH` of a bit an element, `LSH64` of
/// the first 64 elements, `LSH256r` rotated, `LSH256rt` with thresholds, under [`Metric::L2`]. Ids, filters, changes and files are those of every
/// index. Training again is refused while there are rows.
///
/// [`metric`](crate::Search::metric) is [`Metric::Hamming`], since distances are that, the number of bits that differ, and so is the radius of
/// a range search; of normalised rows under a rotation the share of bits that differ estimates the angle between query and row divided by pi.
/// Rows come back ([`reconstruct`](crate::Index::reconstruct)) as FAISS's `sa_decode` has them: 1 above or below each threshold, turned back,
/// where FAISS leaves elements without a bit as they were in memory, here 0.
///
/// Cost: device memory of the bits of a row, rounded up to 16 bytes, and 4 bytes a row. Rows and queries are rotated on the host, on all of
/// its cores, as [`VectorTransform`](crate::VectorTransform) says. A search is that of a [`BinaryFlat`](crate::BinaryFlat).
///
/// # Accuracy
/// Of the bits exact: they are counted, and rows of equal distances stand in their order. A bit is that of a sum in f32, from the first
/// column of the matrix to the last, the same in any batch; FAISS, which sums in another order, has another bit where a sum is within rounding of its threshold. How
/// well bits stand for rows is up to the rows: ask for more neighbours than are wanted, and compare these with the rows, as a
/// [`Refine`](crate::Refine) does (`LSH256r,RFlat`), whatever the metric of the rows.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, Lsh, Rows, Search};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // 32 bytes a row instead of 512
/// let index = Lsh::new(&Gpu::new()?, 128, 256, true, true)?;
/// index.train(Rows::F32(&rows[..128 * 60_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 100)?;
/// println!("{} of 256 bits differ", hits.distances()[0]);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexLSH", "LSH", "SimHash"))]
#[derive(Debug)]
pub struct Lsh(Core<LshRows>);

impl Lsh {
    /// An empty index of `nbits` bits of rows of `dim` elements: of the first `nbits` elements, or of all `rotated` at random (by numbers of
    /// their own, other than FAISS's, the same on every machine), less thresholds that have yet to be learnt, or 0.
    ///
    /// # Errors
    /// `InvalidArgument` unless there are 1 to 32760 bits, and where more than `dim` are not `rotated`; `LimitExceeded` for a matrix of more
    /// than 2^28 elements.
    pub fn new(
        gpu: &Gpu,
        dim: usize,
        nbits: usize,
        rotated: bool,
        thresholds: bool,
    ) -> Result<Lsh> {
        Lsh::made(gpu, SignQuantizer::new(dim, nbits, rotated, thresholds)?)
    }

    /// An empty index whose bits are the signs of products with a matrix of one's own, `nbits` rows of `dim` elements, less thresholds, one for each
    /// of the rows, or none. It needs no training.
    ///
    /// # Errors
    /// As [`Lsh::new`]; `InvalidArgument` for a matrix of no whole rows, another number of thresholds, and numbers that are not finite.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, Lsh, Search};
    /// // whether x + y is 10 or more, and whether x is as large as y
    /// let index = Lsh::with_matrix(&Gpu::new()?, 2, &[1.0, 1.0, 1.0, -1.0], &[10.0, 0.0])?;
    /// index.add(&[9.0, 3.0, 1.0, 2.0])?;
    /// let hits = index.search(&[2.0, 20.0], 2)?;
    /// assert_eq!((index.nbits(), hits.ids(), hits.distances()), (2, &[0, 1][..], &[1.0, 1.0][..]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_matrix(gpu: &Gpu, dim: usize, matrix: &[f32], thresholds: &[f32]) -> Result<Lsh> {
        let nbits = Rows::F32(matrix).count(dim)?;
        let rotation = SignQuantizer::rotation_of((dim, nbits), matrix, &[])?;
        let thresholds = (!thresholds.is_empty()).then(|| thresholds.to_vec());
        let quantizer = SignQuantizer::with_parts((dim, nbits), Some(rotation), thresholds)?;
        Lsh::made(gpu, quantizer)
    }

    fn made(gpu: &Gpu, quantizer: SignQuantizer) -> Result<Lsh> {
        Ok(Lsh(Core::new(LshRows::new(gpu, quantizer)?)))
    }

    /// What a description says, under a metric that knows such an index.
    pub(in crate::index) fn described(
        gpu: &Gpu,
        dim: usize,
        signs: Signs,
        metric: &Metric,
    ) -> Result<Lsh> {
        if !matches!(metric, Metric::L2 | Metric::Hamming) {
            let item = format!(
                "{metric}: bits are compared by how many differ (hamming), and FAISS makes the index under l2 alone; for the angles of cosine ask for l2"
            );
            return Err(Error::unsupported("LSH", item));
        }
        Lsh::new(gpu, dim, signs.bits.unwrap_or(dim), signs.rotated, signs.thresholds)
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `Lsh`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Lsh, Search};
    /// let index = Lsh::read(&Gpu::new()?, "signs.nf")?;
    /// println!("{} bits of rows of {} elements", index.nbits(), index.dim());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Lsh> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| Lsh::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<Lsh> {
        let core = Core::read(reader, |info| {
            if (info.dtype, &info.metric) != (DType::F32, &Metric::Hamming) {
                let item = format!("{} under {}", info.dtype, info.metric);
                return Err(Error::unsupported(LSH, item));
            }
            // how many bits there are stands behind the ids
            LshRows::new(gpu, SignQuantizer::new(info.dim, 1, false, false)?)
        });
        core.map(Lsh)
    }

    /// Bits of a row.
    pub fn nbits(&self) -> usize {
        self.0.snapshot().rows().quantizer.bits()
    }

    /// The matrix that rows are multiplied with, a row for each bit; empty where the bits are those of the elements themselves.
    pub fn matrix(&self) -> Vec<f32> {
        let now = self.0.snapshot();
        now.rows().quantizer.rotation().map_or_else(Vec::new, |of| of.matrix().to_vec())
    }

    /// The threshold of each bit; empty where there are none, and before training.
    pub fn thresholds(&self) -> Vec<f32> {
        self.0.snapshot().rows().quantizer.thresholds().unwrap_or_default().to_vec()
    }

    /// The bits that rows become, eight to a byte, the first in its lowest bit: FAISS's `sa_encode`. A [`BinaryFlat`](crate::BinaryFlat) and
    /// files of bits have them likewise.
    ///
    /// Cost: on the host; the device is not needed.
    ///
    /// # Errors
    /// `NotTrained`; `PartialRow`; `NonFinite`, and `InvalidValue` for a row so long that its square overflows; `Unsupported` for bits.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Lsh, Rows};
    /// # let rows = vec![0.5; 1280];
    /// let index = Lsh::new(&Gpu::new()?, 128, 256, true, false)?;
    /// assert_eq!((index.matrix().len(), index.thresholds().len()), (256 * 128, 0));
    /// assert_eq!(index.encode(Rows::F32(&rows))?.len(), 10 * 32);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("sa_encode"))]
    pub fn encode(&self, rows: Rows<'_>) -> Result<Vec<u8>> {
        self.0.snapshot().rows().quantizer.encode(rows, 0)
    }
}

impl Backed for Lsh {
    const KIND: &str = LSH;

    type Rows = LshRows;

    fn core(&self) -> &Core<LshRows> {
        &self.0
    }

    fn of(core: Core<LshRows>) -> Lsh {
        Lsh(core)
    }
}

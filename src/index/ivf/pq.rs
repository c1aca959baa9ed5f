//! Codes of a product quantizer, in the lists of their nearest centroids.

use super::coded_rows::CodedRows;
use super::name::lists_of;
use super::originals::Originals;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::index::codes::{CodeName, RowCodes};
use crate::index::persist::{self, IVF_PQ, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{ProductQuantizer, Quantizer};
use std::path::Path;

/// Search of the nearest lists of rows as short codes: FAISS's `IndexIVFPQ` (Jégou, Douze, Schmid 2011).
///
/// As an [`IvfFlat`](crate::IvfFlat), but each row is the code of a [`ProductQuantizer`]: with 16 parts of 8 bits 16 bytes, whatever the
/// dimension. Rows go in as f32, each into the list that the row is nearest to, and come back
/// ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for. What is encoded is, as in FAISS, what the centroid of its list
/// leaves of a row ([`by_residual`](Self::by_residual)); under cosine, of the row at length 1.
///
/// Training learns the centroids of the lists, and of what these leave those of the parts. Training again is refused while there are rows.
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct), [`Cosine`](Metric::Cosine),
/// [`CosineDistance`](Metric::CosineDistance).
///
/// Cost: of device memory the bytes of the code, 4 for the list where codes are of residuals, together up to a multiple of 16, and 4 to 8
/// a row for its place in the lists. Searches decode rows as they read them: many queries a tile at a time, for the matrix units, with no
/// table of distances a query. Rows are encoded on the device.
///
/// # Accuracy
/// A distance is that of the query to the decoded row in f32, computed as a [`Flat`](crate::Flat) of the decoded rows would, to the bit.
/// Of the lists that are looked at no code is missed that is nearer by this distance, whatever the batch. How far a decoded row is from
/// the one that was added is up to the codes: ask for more neighbours than are wanted, and compare these with the rows, where that is too
/// far. Under cosine a row that decodes to less than 2^-60 in length counts as zero.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, IvfPq, Metric, Rows, Search};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // 32 bytes a row instead of 512
/// let index = IvfPq::new(&Gpu::new()?, 128, Metric::L2, 4096, 32, 8)?;
/// index.train(Rows::F32(&rows[..128 * 200_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexIVFPQ", "IVFPQ"))]
#[derive(Debug)]
pub struct IvfPq(Core<CodedRows>);

impl IvfPq {
    /// An index that has yet to be trained, of `nlist` lists, whose codes have so many parts (FAISS's M) of 4 to 8 bits.
    ///
    /// # Errors
    /// As [`ProductQuantizer::new`]; `Unsupported` for other metrics; `InvalidArgument` for an `nlist` of 0; `LimitExceeded`.
    pub fn new(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        nlist: usize,
        parts: usize,
        bits: u32,
    ) -> Result<IvfPq> {
        let quantizer = ProductQuantizer::new(dim, parts, bits)?;
        IvfPq::made(gpu, &metric, &quantizer, true, (nlist, None))
    }

    /// An index of these centroids, a list for each, and of a quantizer that is trained, on residuals or on rows: it needs no training.
    ///
    /// # Errors
    /// As [`IvfPq::new`] and [`IvfFlat::set_centroids`](crate::IvfFlat::set_centroids); `NotTrained` for a quantizer that is not;
    /// `InvalidArgument` where a decoded row might be
    /// longer than 2^60.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, IvfPq, Metric, ProductQuantizer, Search};
    /// let of_parts: Vec<f32> = (0..32).map(|c| (c % 16) as f32).collect(); // 0 to 15 in each of two dimensions
    /// let quantizer = ProductQuantizer::new(2, 2, 4)?.with_centroids(&of_parts)?;
    /// let lists = [0.0, 0.0, 100.0, 100.0];
    /// let index = IvfPq::with_centroids(&Gpu::new()?, Metric::L2, &quantizer, true, &lists)?;
    /// index.add(&[3.0, 4.0, 107.2, 100.0])?;
    /// assert_eq!((index.reconstruct(1)?, index.list_sizes()), (vec![107.0, 100.0], vec![1, 1]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(
        gpu: &Gpu,
        metric: Metric,
        quantizer: &ProductQuantizer,
        by_residual: bool,
        centroids: &[f32],
    ) -> Result<IvfPq> {
        if !quantizer.is_trained() {
            return Err(Error::NotTrained);
        }
        let nlist = Rows::F32(centroids).count(quantizer.dim())?;
        IvfPq::made(gpu, &metric, quantizer, by_residual, (nlist, Some(centroids)))
    }

    fn made(
        gpu: &Gpu,
        metric: &Metric,
        quantizer: &ProductQuantizer,
        residual: bool,
        lists: (usize, Option<&[f32]>),
    ) -> Result<IvfPq> {
        let codes = RowCodes::new(Quantizer::Product(quantizer.clone()), residual);
        Ok(IvfPq(Core::new(CodedRows::new(gpu, metric, &codes, lists, Originals::None)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `IvfPq`; otherwise as
    /// [`read_index`](crate::read_index). No row is encoded or assigned anew.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfPq};
    /// let index = IvfPq::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} of {} lists are looked at", index.nprobe(), index.nlist());
    /// println!("codes of {} bytes", index.quantizer().code_bytes());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<IvfPq> {
        persist::open_kind(path.as_ref(), Self::KIND)?.whole(|reader| IvfPq::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<IvfPq> {
        let core = Core::read(reader, |info| {
            // what the rows are codes of, and how many lists there are, stands behind the ids
            let quantizer = ProductQuantizer::of_one_part(info.dim);
            let codes = RowCodes::new(Quantizer::Product(quantizer), true);
            CodedRows::new(gpu, &info.metric, &codes, (1, None), Originals::None)
        })?;
        Ok(IvfPq(core))
    }

    /// An empty index by its description, `IVF1024,PQ16x4`, as [`index_factory`](crate::index_factory) makes it, of this type.
    ///
    /// # Errors
    /// As [`index_factory`](crate::index_factory); `Unsupported` for the description of another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfPq, Metric};
    /// let index = IvfPq::from_description(&Gpu::new()?, 128, "IVF1024,PQ16", Metric::L2)?;
    /// let of_rows = index.with_residuals(false)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_description(
        gpu: &Gpu,
        dim: usize,
        description: &str,
        metric: Metric,
    ) -> Result<IvfPq> {
        match lists_of(description) {
            Some(Ok((nlist, Some(CodeName::Product(parts, bits))))) => {
                IvfPq::new(gpu, dim, metric, nlist, parts, bits)
            }
            Some(Err(error)) => Err(error),
            _ => Err(Error::unsupported("IvfPq", format!("the description {description:?}"))),
        }
    }

    /// The same whose codes are of what the centroid of its list leaves of each row, or of the rows: FAISS's `by_residual`.
    ///
    /// # Errors
    /// `Unsupported` where there are rows.
    pub fn with_residuals(self, residual: bool) -> Result<IvfPq> {
        self.0.rebuild(|rows| rows.with_residuals(residual))?;
        Ok(self)
    }

    /// Whether codes are of what the centroids leave of rows.
    pub fn by_residual(&self) -> bool {
        self.0.snapshot().rows().codes.residual
    }

    /// What the rows are encoded by.
    pub fn quantizer(&self) -> ProductQuantizer {
        let now = self.0.snapshot();
        let own = &now.rows().codes.quantizer;
        // it has no other
        own.product().cloned().unwrap_or_else(|| ProductQuantizer::of_one_part(own.dim()))
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
    /// let index = IvfPq::read(&Gpu::new()?, "codes.nf")?;
    /// index.set_nprobe(2 * index.nprobe())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_nprobe(&self, nprobe: usize) -> Result<()> {
        self.0.rebuild(|rows| rows.with_nprobe(nprobe))
    }

    /// The elements of all centroids of the lists, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*; let gpu = Gpu::new()?;
    /// let index = IvfPq::read(&gpu, "codes.nf")?;
    /// // the same lists and codes for other rows; these two can be merged
    /// let (centroids, metric) = (index.centroids()?, index.metric().clone());
    /// let other = IvfPq::with_centroids(&gpu, metric, &index.quantizer(), index.by_residual(), &centroids)?;
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

impl Backed for IvfPq {
    const KIND: &str = IVF_PQ;

    type Rows = CodedRows;

    fn core(&self) -> &Core<CodedRows> {
        &self.0
    }

    fn of(core: Core<CodedRows>) -> IvfPq {
        IvfPq(core)
    }
}

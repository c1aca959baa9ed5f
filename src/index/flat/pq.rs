//! Codes of a product quantizer, all of which a search compares.

use super::codes::FlatCodes;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::index::persist::{self, IndexReader, PQ};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{ProductQuantizer, Quantizer};
use std::path::Path;

/// Search of rows as short codes: FAISS's `IndexPQ` (Jégou, Douze, Schmid 2011).
///
/// As a [`Flat`](crate::Flat), but each row is the code of a [`ProductQuantizer`]: with 16 parts of 8 bits 16 bytes, whatever the
/// dimension. Rows go in as f32 and come back ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for; under cosine what is
/// encoded is the row at length 1. Training learns the centroids of the parts; training again is refused while there are rows.
/// [`IvfPq`](crate::IvfPq) has such codes in lists, of what the lists leave of rows, and looks at a few of these.
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct), [`Cosine`](Metric::Cosine),
/// [`CosineDistance`](Metric::CosineDistance).
///
/// Cost: of device memory the bytes of the code, up to a multiple of 16, and 4 a row beside them (cosine: 8). Every search decodes
/// all rows as it reads them: many queries a tile at a time, for the matrix units, with no table of distances a query. Rows are encoded on the
/// device, those of cosine on the host.
///
/// # Accuracy
/// A distance is that of the query to the decoded row in f32, as a [`Flat`](crate::Flat) of the decoded rows has it, to the bit, and by
/// this distance no code is missed. How far a decoded row is from the one that was added is up to the codes: ask for more neighbours than
/// are wanted, and compare these with the rows, where that is too far. Under cosine a row that decodes to less than 2^-60 in length
/// counts as zero.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, Metric, Pq, Rows, Search};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // 32 bytes a row instead of 512
/// let index = Pq::new(&Gpu::new()?, 128, Metric::L2, 32, 8)?;
/// index.train(Rows::F32(&rows[..128 * 65_536]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexPQ"))]
#[derive(Debug)]
pub struct Pq(Core<FlatCodes>);

impl Pq {
    /// An index that has yet to be trained, whose codes have so many parts (FAISS's M) of 4 to 8 bits.
    ///
    /// # Errors
    /// As [`ProductQuantizer::new`]; `Unsupported` for other metrics; `LimitExceeded`.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, parts: usize, bits: u32) -> Result<Pq> {
        Pq::made(gpu, &metric, ProductQuantizer::new(dim, parts, bits)?)
    }

    /// An index of a quantizer that is trained: it needs no training.
    ///
    /// # Errors
    /// `NotTrained` for a quantizer that is not; `Unsupported` for other metrics; `InvalidArgument` where a decoded row might be longer than
    /// 2^60; `LimitExceeded`; `OutOfDeviceMemory`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, Metric, Pq, ProductQuantizer, Search};
    /// let of_parts: Vec<f32> = (0..32).map(|c| (c % 16) as f32).collect(); // 0 to 15 in each of two dimensions
    /// let quantizer = ProductQuantizer::new(2, 2, 4)?.with_centroids(&of_parts)?;
    /// let index = Pq::with_quantizer(&Gpu::new()?, Metric::L2, &quantizer)?;
    /// index.add(&[3.0, 4.0, 7.2, 1.0])?;
    /// assert_eq!(index.reconstruct(1)?, [7.0, 1.0]);
    /// assert_eq!(index.quantizer(), quantizer);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_quantizer(gpu: &Gpu, metric: Metric, quantizer: &ProductQuantizer) -> Result<Pq> {
        match quantizer.is_trained() {
            true => Pq::made(gpu, &metric, quantizer.clone()),
            false => Err(Error::NotTrained),
        }
    }

    fn made(gpu: &Gpu, metric: &Metric, quantizer: ProductQuantizer) -> Result<Pq> {
        let empty = FlatCodes::new(gpu, metric, Quantizer::Product(quantizer))?;
        Ok(Pq(Core::new(empty)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `Pq`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Pq, Search};
    /// let index = Pq::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} rows in codes of {} bytes", index.len(), index.quantizer().code_bytes());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Pq> {
        Pq::of_reader(gpu, persist::open_kind(path.as_ref(), Self::KIND)?)
    }

    pub(in crate::index) fn of(core: Core<FlatCodes>) -> Pq {
        Pq(core)
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: IndexReader) -> Result<Pq> {
        let core = Core::read(reader, |info| {
            // what the rows are codes of stands behind the ids
            let quantizer = Quantizer::Product(ProductQuantizer::of_one_part(info.dim));
            FlatCodes::new(gpu, &info.metric, quantizer)
        })?;
        Ok(Pq(core))
    }

    /// What the rows are encoded by.
    pub fn quantizer(&self) -> ProductQuantizer {
        let now = self.0.snapshot();
        let own = now.rows().quantizer();
        // it has no other
        own.product().cloned().unwrap_or_else(|| ProductQuantizer::of_one_part(own.dim()))
    }
}

impl Backed for Pq {
    const KIND: &str = PQ;

    type Rows = FlatCodes;

    fn core(&self) -> &Core<FlatCodes> {
        &self.0
    }
}

//! Codes of RaBitQ, all of which a search compares.

use super::codes::FlatCodes;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::index::persist::{self, IndexReader, RABITQ};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{Quantizer, RaBitQuantizer};
use std::path::Path;

/// Search of rows in 1 to 9 bits an element, by estimates of distances: FAISS's `IndexRaBitQ` (Gao and Long, arXiv 2405.12497 and 2409.09913).
///
/// As a [`Flat`](crate::Flat), but each row is the code of a [`RaBitQuantizer`]: in one bit of 128 elements 16 bytes and two numbers. Rows go in as
/// f32 and come back ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for, which is farther from the center than they
/// were. Training takes the mean of the sample for the center; training again is refused while there are rows.
/// [`IvfRaBitQ`](crate::IvfRaBitQ) has such codes in lists, whose centroids are nearer centers, and looks at a few of these.
///
/// Rows are not turned. Where their elements are not alike (of images, of few large elements, one-hot), estimates are good for nothing without a
/// random rotation before the index: `RR,RaBitQ` of [`index_factory`](crate::index_factory), or a [`PreTransform`](crate::PreTransform).
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct). For cosine put `L2norm` before inner products.
///
/// Cost: of device memory the bits of the code, and for factors 12 bytes of one bit, of more 20, up to a multiple of 16, and 4 a row beside
/// them. Every search decodes all rows as it reads them: many queries a tile at a time, for the matrix units. Rows are encoded on the host.
///
/// # Accuracy
/// A distance is the estimate, of the query in f32 (FAISS's `qb` of 0), or rounded as FAISS does where [`set_query_bits`](Self::set_query_bits) or the file that was read says so, squared ones at least 0 (those that were below it stand first, and not in the order of adding): that of the query to the decoded row, and a number
/// that the row has. It is right in the mean over all rotations; [`RaBitQuantizer`] says how far off it is. By this estimate no code is
/// missed, whatever the batch. Ask for more neighbours than are wanted, and compare these with the rows, where that is too far.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, Metric, RaBitQ, Rows, Search};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // 64 bytes of codes a row instead of 512
/// let index = RaBitQ::new(&Gpu::new()?, 128, Metric::L2, 4)?;
/// index.train(Rows::F32(&rows[..128 * 65_536]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexRaBitQ"))]
#[derive(Debug)]
pub struct RaBitQ(Core<FlatCodes>);

impl RaBitQ {
    /// An index that has yet to be trained, of so many bits an element.
    ///
    /// # Errors
    /// As [`RaBitQuantizer::new`]; `Unsupported` for other metrics; `LimitExceeded`.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, bits: u32) -> Result<RaBitQ> {
        RaBitQ::made(gpu, &metric, RaBitQuantizer::for_metric(dim, &metric, bits)?)
    }

    /// An index of a quantizer that has a center: it needs no training.
    ///
    /// # Errors
    /// `NotTrained` for a quantizer without a center; `InvalidArgument` for one of another metric; `Unsupported` for other metrics;
    /// `LimitExceeded`; `OutOfDeviceMemory`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, Metric, RaBitQ, RaBitQuantizer, Search};
    /// let quantizer = RaBitQuantizer::new(2, &Metric::L2, 1)?.with_center(&[10.0, 10.0])?;
    /// let index = RaBitQ::with_quantizer(&Gpu::new()?, Metric::L2, &quantizer)?;
    /// index.add(&[11.0, 9.0, 7.0, 13.0])?;
    /// assert_eq!(index.reconstruct(1)?, [7.0, 13.0]);
    /// assert_eq!(index.quantizer(), quantizer);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_quantizer(gpu: &Gpu, metric: Metric, quantizer: &RaBitQuantizer) -> Result<RaBitQ> {
        if !quantizer.is_trained() {
            return Err(Error::NotTrained);
        }
        if !quantizer.is_for(&metric) {
            let reason = format!("its factors are not those of {metric}");
            return Err(Error::argument("quantizer", reason));
        }
        RaBitQ::made(gpu, &metric, quantizer.clone())
    }

    fn made(gpu: &Gpu, metric: &Metric, quantizer: RaBitQuantizer) -> Result<RaBitQ> {
        let empty = FlatCodes::new(gpu, metric, Quantizer::RaBitQ(quantizer))?;
        Ok(RaBitQ(Core::new(empty)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was a `RaBitQ`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, RaBitQ, Search};
    /// let index = RaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} rows in {} bits an element", index.len(), index.quantizer().bits());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<RaBitQ> {
        persist::open_kind(path.as_ref(), Self::KIND)?
            .whole(|reader| RaBitQ::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<RaBitQ> {
        let core = Core::read(reader, |info| {
            // bits and center stand behind the ids
            let quantizer = RaBitQuantizer::for_metric(info.dim, &info.metric, 1)?;
            FlatCodes::new(gpu, &info.metric, Quantizer::RaBitQ(quantizer))
        })?;
        Ok(RaBitQ(core))
    }

    /// In how many bits searches read queries that do not say so ([`set_query_bits`](Self::set_query_bits)); 0: in f32.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = RaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// println!("queries are rounded to {} bits", index.query_bits());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn query_bits(&self) -> u32 {
        self.0.snapshot().rows().codes.query_bits()
    }

    /// Has searches round what is left of a query without the center to so many bits, 1 to 8, or read it in f32: 0, as they do at first. As
    /// [`IvfRaBitQ::set_query_bits`](crate::IvfRaBitQ::set_query_bits), at the same cost.
    ///
    /// # Errors
    /// `InvalidArgument` for more than 8.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = RaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// index.set_query_bits(4)?;
    /// assert_eq!(index.query_bits(), 4);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_query_bits(&self, bits: u32) -> Result<()> {
        self.0.rebuild(|rows| rows.with_query_bits(bits))
    }

    /// What the rows are encoded by: with its center, once it is trained.
    pub fn quantizer(&self) -> RaBitQuantizer {
        let now = self.0.snapshot();
        let own = now.rows().quantizer();
        // it has no other
        own.rabitq()
            .cloned()
            .map(RaBitQuantizer::without_query_bits)
            .unwrap_or_else(|| RaBitQuantizer::of_bits(own.dim()))
    }
}

impl Backed for RaBitQ {
    const KIND: &str = RABITQ;

    type Rows = FlatCodes;

    fn core(&self) -> &Core<FlatCodes> {
        &self.0
    }

    fn of(core: Core<FlatCodes>) -> RaBitQ {
        RaBitQ(core)
    }
}

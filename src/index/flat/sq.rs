//! Codes of a scalar quantizer, all of which a search compares.

use super::codes::FlatCodes;
use crate::device::Gpu;
use crate::error::Result;
use crate::index::persist::{self, IndexReader, SQ};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{Quantizer, ScalarQuantizer, SqType};
use std::path::Path;

/// Search of rows as codes of one number an element: FAISS's `IndexScalarQuantizer`.
///
/// As a [`Flat`](crate::Flat), but each element is a code of a [`ScalarQuantizer`], with 8 bits a byte, half with 16. Rows go in as f32 and
/// come back ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for. Training learns the ranges of types that have some
/// ([`SqType::Bits8`], for one), and is refused while there are codes that other ranges would give another meaning.
/// [`IvfSq`](crate::IvfSq) has such codes in lists, and looks at a few of these.
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct), [`Cosine`](Metric::Cosine),
/// [`CosineDistance`](Metric::CosineDistance).
///
/// Cost: a byte an element of device memory, of [`Fp16`](SqType::Fp16) and [`Bf16`](SqType::Bf16) two, and 4 bytes a row beside them
/// (cosine: 8); codes of 6 and 4 bits take a byte there, too, and are packed in files. Rows are encoded on several threads of the host.
///
/// # Accuracy
/// A distance is that of the query to the decoded row in f32, as a [`Flat`](crate::Flat) of the decoded rows has it, to the bit, and by
/// this distance no code is missed. A decoded row is off by half a step in each element within its range. An element beyond the range that was
/// learnt becomes the nearest end of it, without a word, as in FAISS: train on rows like those to come. Under cosine a row whose code
/// stands for less than 2^-60 in length counts as zero.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Index, Metric, Rows, Search, Sq, SqType};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // 128 bytes a row instead of 512
/// let index = Sq::new(&Gpu::new()?, 128, Metric::L2, SqType::Bits8)?;
/// index.train(Rows::F32(&rows[..128 * 100_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexScalarQuantizer"))]
#[derive(Debug)]
pub struct Sq(Core<FlatCodes>);

impl Sq {
    /// An index that has yet to be trained, if its type has ranges.
    ///
    /// # Errors
    /// As [`Sq::with_quantizer`]; `InvalidArgument` for a `dim` of 0.
    pub fn new(gpu: &Gpu, dim: usize, metric: Metric, kind: SqType) -> Result<Sq> {
        Sq::with_quantizer(gpu, metric, &ScalarQuantizer::new(dim, kind)?)
    }

    /// An index of a quantizer, which needs no training if the quantizer does not; trained, its ranges are learnt anew.
    ///
    /// # Errors
    /// `Unsupported` for other metrics; `InvalidArgument` for ranges that rows of more than 2^60 may lie in; `LimitExceeded`;
    /// `OutOfDeviceMemory`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, Metric, ScalarQuantizer, Search, Sq, SqType};
    /// let quantizer = ScalarQuantizer::new(2, SqType::Uniform8)?.with_trained(&[0.0, 255.0])?;
    /// let index = Sq::with_quantizer(&Gpu::new()?, Metric::L2, &quantizer)?;
    /// index.add(&[1.25, 0.5, 9.0, 9.0])?;
    /// assert_eq!((index.reconstruct(0)?, index.quantizer()), (vec![1.5, 0.5], quantizer));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_quantizer(gpu: &Gpu, metric: Metric, quantizer: &ScalarQuantizer) -> Result<Sq> {
        let empty = FlatCodes::new(gpu, &metric, Quantizer::Scalar(quantizer.clone()))?;
        Ok(Sq(Core::new(empty)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `Sq`; otherwise as [`read_index`](crate::read_index).
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Search, Sq};
    /// let index = Sq::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} rows in codes of {}", index.len(), index.quantizer().kind());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Sq> {
        Sq::of_reader(gpu, persist::open_kind(path.as_ref(), Self::KIND)?)
    }

    pub(in crate::index) fn of(core: Core<FlatCodes>) -> Sq {
        Sq(core)
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: IndexReader) -> Result<Sq> {
        let core = Core::read(reader, |info| {
            // what the rows are codes of stands behind the ids
            let quantizer = Quantizer::Scalar(ScalarQuantizer::of_bytes(info.dim));
            FlatCodes::new(gpu, &info.metric, quantizer)
        })?;
        Ok(Sq(core))
    }

    /// What the rows are encoded by.
    pub fn quantizer(&self) -> ScalarQuantizer {
        let now = self.0.snapshot();
        let own = now.rows().quantizer();
        // it has no other
        own.scalar().cloned().unwrap_or_else(|| ScalarQuantizer::of_bytes(own.dim()))
    }
}

impl Backed for Sq {
    const KIND: &str = SQ;

    type Rows = FlatCodes;

    fn core(&self) -> &Core<FlatCodes> {
        &self.0
    }
}

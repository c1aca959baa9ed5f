//! Codes of RaBitQ, in the lists of their nearest centroids.

use super::coded_rows::CodedRows;
use super::name::lists_of;
use super::originals::Originals;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::index::codes::{CodeName, RowCodes};
use crate::index::persist::{self, IVF_RABITQ, IndexReader};
use crate::index::state::{Backed, Core};
use crate::metric::Metric;
use crate::quantize::{Quantizer, RaBitQuantizer};
use std::path::Path;

/// Search of the nearest lists of rows in 1 to 9 bits an element, by estimates of distances: FAISS's `IndexIVFRaBitQ` (Gao and Long,
/// arXiv 2405.12497 and 2409.09913).
///
/// As an [`IvfFlat`](crate::IvfFlat), but each row is the code of a [`RaBitQuantizer`], of what the centroid of its list leaves of it: in one bit
/// of 128 elements 16 bytes and two numbers. Rows go in as f32, each into the list that the row is nearest to, and come back
/// ([`reconstruct`](crate::Index::reconstruct)) as what their codes stand for, which is farther from the centroid than they were. Training
/// learns the centroids of the lists, and nothing else; training again is refused while there are rows.
///
/// Rows are not turned. Where their elements are not alike (of images, of few large elements, one-hot), estimates are good for nothing without a
/// random rotation before the index: `RR,IVF1024,RaBitQ` of [`index_factory`](crate::index_factory), or a
/// [`PreTransform`](crate::PreTransform).
///
/// Metrics: [`L2`](Metric::L2), [`SqrtL2`](Metric::SqrtL2), [`InnerProduct`](Metric::InnerProduct). For cosine put `L2norm` before inner products.
///
/// Cost: of device memory the bits of the code, and for list and factors 12 bytes of one bit, of more 20, together up to a multiple of 16, and 4
/// to 8 a row for its place in the lists. Searches decode rows as they read them: many queries a tile at a time, for the matrix units. Rows
/// are encoded on the host.
///
/// # Accuracy
/// A distance is the estimate, of the query in f32 (FAISS's `qb` of 0), or rounded as FAISS does where [`set_query_bits`](Self::set_query_bits) or the file that was read says so, squared ones at least 0 (those that were below it stand first, and not in the order of adding): that of the query to the decoded row, and a number
/// that the row has. It is right in the mean over all rotations; [`RaBitQuantizer`] says how far off it is, |q - c| being the distance to the
/// centroid. Of the lists that are looked at no code is missed that is nearer by this estimate, whatever the batch. Ask for more neighbours than
/// are wanted, and compare these with the rows, where that is too far; or keep the rows ([`with_originals`](Self::with_originals)), which makes
/// answers exact. Of estimates no search proves that other lists have none that is nearer.
///
/// # Example
/// ```no_run
/// use nearfield::{DType, Gpu, Index, Metric, Rows, Search, index_factory};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// // turned at random, then 64 bytes of codes a row instead of 512
/// let index = index_factory(&Gpu::new()?, 128, "RR,IVF4096,RaBitQ4", Metric::L2, DType::F32)?;
/// index.train(Rows::F32(&rows[..128 * 200_000]))?;
/// index.add(&rows)?;
/// let hits = index.search(&queries, 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexIVFRaBitQ", "IVFRaBitQ"))]
#[derive(Debug)]
pub struct IvfRaBitQ(Core<CodedRows>);

impl IvfRaBitQ {
    /// An index that has yet to be trained, of `nlist` lists and so many bits an element.
    ///
    /// # Errors
    /// As [`RaBitQuantizer::new`]; `Unsupported` for other metrics; `InvalidArgument` for an `nlist` of 0; `LimitExceeded`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfRaBitQ, Metric};
    /// let index = IvfRaBitQ::new(&Gpu::new()?, 128, Metric::InnerProduct, 1024, 1)?;
    /// assert_eq!((index.nlist(), index.bits()), (1024, 1));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn new(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        nlist: usize,
        bits: u32,
    ) -> Result<IvfRaBitQ> {
        IvfRaBitQ::made(gpu, dim, &metric, bits, (nlist, None))
    }

    /// An index of these centroids, a list for each: it needs no training.
    ///
    /// # Errors
    /// As [`IvfRaBitQ::new`] and [`IvfFlat::set_centroids`](crate::IvfFlat::set_centroids).
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, IvfRaBitQ, Metric, Search};
    /// let lists = [0.0, 0.0, 100.0, 100.0];
    /// let index = IvfRaBitQ::with_centroids(&Gpu::new()?, 2, Metric::L2, 1, &lists)?;
    /// index.add(&[3.0, -3.0, 101.0, 101.0])?;
    /// assert_eq!((index.reconstruct(1)?, index.list_sizes()), (vec![101.0, 101.0], vec![1, 1]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with_centroids(
        gpu: &Gpu,
        dim: usize,
        metric: Metric,
        bits: u32,
        centroids: &[f32],
    ) -> Result<IvfRaBitQ> {
        let nlist = Rows::F32(centroids).count(dim)?;
        IvfRaBitQ::made(gpu, dim, &metric, bits, (nlist, Some(centroids)))
    }

    fn made(
        gpu: &Gpu,
        dim: usize,
        metric: &Metric,
        bits: u32,
        lists: (usize, Option<&[f32]>),
    ) -> Result<IvfRaBitQ> {
        let quantizer = RaBitQuantizer::for_metric(dim, metric, bits)?.of_lists();
        let codes = RowCodes::new(Quantizer::RaBitQ(quantizer), true);
        Ok(IvfRaBitQ(Core::new(CodedRows::new(gpu, metric, &codes, lists, Originals::None)?)))
    }

    /// Reads what [`Index::write`](crate::Index::write) wrote, if it was an `IvfRaBitQ`; otherwise as
    /// [`read_index`](crate::read_index). No row is encoded or assigned anew.
    ///
    /// # Errors
    /// As [`read_index`](crate::read_index); `Format` also for another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfRaBitQ};
    /// let index = IvfRaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// println!("{} of {} lists are looked at", index.nprobe(), index.nlist());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn read(gpu: &Gpu, path: impl AsRef<Path>) -> Result<IvfRaBitQ> {
        persist::open_kind(path.as_ref(), Self::KIND)?
            .whole(|reader| IvfRaBitQ::of_reader(gpu, reader))
    }

    pub(in crate::index) fn of_reader(gpu: &Gpu, reader: &mut IndexReader) -> Result<IvfRaBitQ> {
        let core = Core::read(reader, |info| {
            // of how many bits, and how many lists there are, stands behind the ids
            let quantizer = RaBitQuantizer::for_metric(info.dim, &info.metric, 1)?.of_lists();
            let codes = RowCodes::new(Quantizer::RaBitQ(quantizer), true);
            CodedRows::new(gpu, &info.metric, &codes, (1, None), Originals::None)
        })?;
        Ok(IvfRaBitQ(core))
    }

    /// An empty index by its description, `IVF1024,RaBitQ4`, as [`index_factory`](crate::index_factory) makes it, of this type.
    ///
    /// # Errors
    /// As [`index_factory`](crate::index_factory); `Unsupported` for the description of another kind of index.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, IvfRaBitQ, Metric, Originals};
    /// let index = IvfRaBitQ::from_description(&Gpu::new()?, 128, "IVF1024,RaBitQ4", Metric::L2)?;
    /// let exact = index.with_originals(Originals::Host)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn from_description(
        gpu: &Gpu,
        dim: usize,
        description: &str,
        metric: Metric,
    ) -> Result<IvfRaBitQ> {
        match lists_of(description) {
            Some(Ok((nlist, Some(CodeName::RaBitQ(bits))))) => {
                IvfRaBitQ::new(gpu, dim, metric, nlist, bits)
            }
            Some(Err(error)) => Err(error),
            _ => Err(Error::unsupported("IvfRaBitQ", format!("the description {description:?}"))),
        }
    }

    /// The same with originals kept or without, beside codes of 4 bits and more.
    ///
    /// Distances then are those of the rows, of the lists that are looked at no row is missed, all answers are those of an
    /// [`IvfFlat`](crate::IvfFlat) of the same centroids, and [`reconstruct`](crate::Index::reconstruct) gives the rows. With
    /// [`Originals::Host`] the rows lie in host memory and the device has the codes alone; with [`Originals::Device`] both lie on the device.
    /// What searches read of most rows is the codes, and the rows of those few that these leave open.
    ///
    /// How far each row is from what its code stands for is known, so that the distance to a code tells how near its row can be: that is a
    /// proof, unlike the bound of [`RaBitQuantizer`], which holds of most rows. With `Device` the device does all of it in one submission:
    /// it scores the codes, compares the rows of the best of them, and then those of all bins of 16 rows that may have one as near as the k-th.
    /// Of embeddings in 4 bits some 70 bins are open for ten neighbours, of 8 bits some twelve. A query with more than 8 k + 176 of them, 3072
    /// at most, is asked again, and all rows of its lists are compared. With `Host` the device finds some four times k codes of 4 bits, twice as
    /// many of more, by an exact search of what these stand for, and the host computes the distances of their rows. The distance of the last code
    /// tells how near any other row can be; rows whose codes are off by most are looked at one by one. A query that is still open is asked again for
    /// four times as many codes, in the end for all. [`OriginalsStats`](crate::OriginalsStats) counts what was compared and asked again. Searches
    /// by radius go the second way with either. Of fewer than 4 bits it would be thousands, which is refused: a [`Refine`](crate::Refine) compares as
    /// many as one says. Without a random rotation before the index (`RR`) answers are exact, too, but codes may be off by more, and searches
    /// slower.
    ///
    /// Codes on the device stand for something else then: the point nearest to the row on the line that the code gives, which is not
    /// as far from the centroid as an estimate has it. Files have the codes that estimate, and the rows behind them, as files of FAISS have
    /// those alone. They are made of the rows anew when the index is written or read, or when originals are taken away, which is possible, or
    /// brought to the device or back from it, which encodes nothing. Of an index with originals and rows training is possible, too, and
    /// encodes all.
    ///
    /// Cost: of device memory the bits of the code and 12 bytes, and 4 to 8 for a row's place; with `Device` 4 bytes an element more. With
    /// `Host` 4 bytes an element of host memory; with either 4 bytes a row there. The first search after a change sorts the rows of each list by
    /// what their codes are off by, with `Host`, and by radius, one row in 64, and runs on a thread of its own.
    ///
    /// # Accuracy
    /// As of [`IvfSq::with_originals`](crate::IvfSq::with_originals): with `Device` neighbours are those of an [`IvfFlat`](crate::IvfFlat) on the same
    /// device to the bit, always.
    ///
    /// # Errors
    /// `Unsupported` for codes of fewer than 4 bits, and for originals of rows that are codes already; `InvalidArgument` for rows that do not fit
    /// in host memory, as adding to such an index says, too; `OutOfDeviceMemory`; `DeviceLost`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Index, IvfRaBitQ, Metric, Originals, Rows, Search};
    /// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
    /// let index = IvfRaBitQ::new(&Gpu::new()?, 128, Metric::L2, 4096, 4)?;
    /// let index = index.with_originals(Originals::Host)?;
    /// assert_eq!(index.originals(), Originals::Host);
    /// index.train(Rows::F32(&rows[..128 * 200_000]))?;
    /// index.add(&rows)?;
    /// let hits = index.search(&queries, 10)?; // those of an IvfFlat of the same centroids
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[doc(alias("refine", "RFlat", "rescore"))]
    pub fn with_originals(self, originals: Originals) -> Result<IvfRaBitQ> {
        self.0.rebuild(|rows| rows.with_originals(originals))?;
        Ok(self)
    }

    /// Where the rows are kept that the codes are of.
    pub fn originals(&self) -> Originals {
        self.0.snapshot().rows().originals
    }

    /// Bits of an element.
    pub fn bits(&self) -> u32 {
        let now = self.0.snapshot();
        now.rows().codes.quantizer.rabitq().map_or(1, RaBitQuantizer::bits)
    }

    /// In how many bits searches read queries that do not say so ([`set_query_bits`](Self::set_query_bits)); 0: in f32.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfRaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// println!("queries are rounded to {} bits", index.query_bits());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn query_bits(&self) -> u32 {
        self.0.snapshot().rows().codes.query_bits()
    }

    /// Has searches round what is left of a query without the centroid of each list to so many bits, 1 to 8, or read it in f32: 0, as they do
    /// at first. It is FAISS's `qb`, there 4 at first, which files keep both ways: set it for the same answers as there, or before
    /// [`write_faiss`](crate::write_faiss). Codes of more bits than one have the same distances whatever it is, as in FAISS, where it decides about what is
    /// passed over.
    ///
    /// Rounding tells less and costs more here: it differs for each list, so that every code of the lists is compared exactly, without a first pass by
    /// scores, each reading its centroid twice. Of few queries that is near the same, of many several times as long.
    ///
    /// # Errors
    /// `InvalidArgument` for more than 8.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfRaBitQ::read(&Gpu::new()?, "codes.nf")?;
    /// index.set_query_bits(4)?;
    /// assert_eq!(index.query_bits(), 4);
    /// write_faiss(&index, "codes.faiss")?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_query_bits(&self, bits: u32) -> Result<()> {
        self.0.rebuild(|rows| rows.with_query_bits(bits))
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
    /// let index = IvfRaBitQ::read(&Gpu::new()?, "codes.nf")?;
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
    /// let index = IvfRaBitQ::read(&gpu, "codes.nf")?;
    /// // the same lists for other rows; these two can be merged
    /// let (dim, metric, centroids) = (index.dim(), index.metric().clone(), index.centroids()?);
    /// let other = IvfRaBitQ::with_centroids(&gpu, dim, metric, index.bits(), &centroids)?;
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

impl Backed for IvfRaBitQ {
    const KIND: &str = IVF_RABITQ;

    type Rows = CodedRows;

    fn core(&self) -> &Core<CodedRows> {
        &self.0
    }

    fn of(core: Core<CodedRows>) -> IvfRaBitQ {
        IvfRaBitQ(core)
    }
}

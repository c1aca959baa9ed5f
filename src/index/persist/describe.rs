//! What an index file says of itself, without a device.

use super::hnsw::{HnswInfo, describe_hnsw};
use super::ids::count_ids;
use super::info::{IndexReader, Info, has_section, open};
use super::layout::{
    BINARY_IVF, HNSW, IVF_FLAT, IVF_PQ, IVF_RABITQ, IVF_SQ, LSH, MAGIC, PQ, PRE_TRANSFORM, RABITQ,
    REFINE, SQ, VERSION,
};
use super::lists::{self, IvfInfo};
use super::quantizer;
use super::refine::{RefineInfo, read_k_factor};
use super::rows::ORIGINALS;
use super::signs::read_signs;
use super::transforms::read_transforms;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::map::open_regular;
use crate::metric::Metric;
use crate::quantize::{ProductQuantizer, Quantizer, RaBitQuantizer, ScalarQuantizer};
use std::io::Read;
use std::path::Path;

/// What a file that [`Index::write`](crate::Index::write) wrote says of itself; no device is needed to read it.
///
/// From [`IndexInfo::read`] or [`IndexInfo::verify`].
///
/// # Example
/// ```no_run
/// use nearfield::IndexInfo;
/// let info = IndexInfo::read("points.nf")?;
/// println!("{}: {} rows of {} {}, {}", info.kind, info.rows, info.dim, info.dtype, info.metric);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IndexInfo {
    /// The kind of index, as `Flat` or `BinaryFlat`; of a later version perhaps one that this one cannot read.
    pub kind: String,
    /// The type of the elements.
    pub dtype: DType,
    /// Elements a row; of bits, bits.
    pub dim: usize,
    /// How near two rows are.
    pub metric: Metric,
    /// Rows.
    pub rows: u64,
    /// The id of the next row that is added without one, above the ids of all rows.
    pub next_id: u64,
    /// What its rows became where they are codes, in lists or not, as the factory spells it: `SQ8`, `PQ16x4`, `LSH64rt`.
    pub codes: Option<String>,
    /// What there is to say of its inverted lists, if it has some.
    pub ivf: Option<IvfInfo>,
    /// What there is to say of its layered graph, if it has one.
    pub hnsw: Option<HnswInfo>,
    /// The transforms that rows go through first, as the factory calls them, of a [`PreTransform`](crate::PreTransform); else none.
    pub transforms: Vec<String>,
    /// What compares candidates again, of a [`Refine`](crate::Refine), whose first stage [`ivf`](Self::ivf) and
    /// [`transforms`](Self::transforms) are about.
    pub refine: Option<RefineInfo>,
    /// Bytes of the file.
    pub bytes: u64,
    /// The version of the format; 0 of a file of another library, which [`faiss_info`](crate::faiss_info) describes.
    pub version: u32,
}

impl IndexInfo {
    /// Whether a file begins as index files do, whatever its name is.
    ///
    /// # Errors
    /// `Io`.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{IndexInfo, format};
    /// let path = "unknown.npy";
    /// if IndexInfo::is_index(path)? {
    ///     println!("{:?}", IndexInfo::read(path)?);
    /// } else {
    ///     println!("{:?}", format::inspect(path)?);
    /// }
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn is_index(path: impl AsRef<Path>) -> Result<bool> {
        let path = path.as_ref();
        let io = |e| Error::io(path, e);
        let mut first = Vec::new();
        let file = open_regular(path).map_err(io)?;
        file.take(MAGIC.len() as u64).read_to_end(&mut first).map_err(io)?;
        Ok(first == MAGIC)
    }

    /// Reads what stands before the ids and rows.
    ///
    /// Cost: a page of the file, and 8 bytes a list. The checksums of the header and of the description are checked, not those behind them.
    ///
    /// # Errors
    /// `Format` for anything but an index file of a version that this build reads; `Io`.
    pub fn read(path: impl AsRef<Path>) -> Result<IndexInfo> {
        let mut reader = open(path.as_ref())?;
        if reader.kind() != REFINE {
            return IndexInfo::of_stage(&mut reader);
        }
        let Info { kind, dtype, dim, metric } = &reader.info;
        let (kind, dtype, dim, metric) = (kind.clone(), *dtype, *dim, metric.clone());
        let k_factor = read_k_factor(&mut reader.file)?;
        reader.go_on()?;
        let base = IndexInfo::of_stage(&mut reader)?;
        // behind the ids and rows of the first stage
        reader.skip_index()?;
        let rows = reader.kind().to_owned();
        let refine = Some(RefineInfo { base: base.kind, rows, k_factor });
        Ok(IndexInfo { kind, dtype, dim, metric, refine, ..base })
    }

    /// What an index says of itself that has but one stage.
    fn of_stage(reader: &mut IndexReader) -> Result<IndexInfo> {
        if reader.kind() != PRE_TRANSFORM {
            return IndexInfo::described(reader);
        }
        let transforms = read_transforms(&mut reader.file)?;
        let transforms = transforms.iter().map(ToString::to_string).collect();
        let Info { kind, dtype, dim, .. } = &reader.info;
        let (kind, dtype, dim) = (kind.clone(), *dtype, *dim);
        // all else is that of the index within
        reader.go_on()?;
        let within = IndexInfo::described(reader)?;
        Ok(IndexInfo { kind, dtype, dim, transforms, ..within })
    }

    /// What an index says of itself that is behind no transforms.
    fn described(reader: &mut IndexReader) -> Result<IndexInfo> {
        let (rows, next_id) = count_ids(&mut reader.file)?;
        let (mut codes, mut hnsw, dim) = (None, None, reader.info.dim);
        let ivf = match reader.kind() {
            SQ | PQ | RABITQ => {
                let like = like(&reader.info)?;
                let of = quantizer::read_flat_codes(&mut reader.file, &like, rows)?;
                codes = Some(of.name());
                None
            }
            LSH => {
                codes = Some(read_signs(&mut reader.file, dim, rows)?.name());
                None
            }
            HNSW => {
                hnsw = Some(describe_hnsw(&mut reader.file, rows)?);
                None
            }
            IVF_FLAT => Some(lists::describe(&mut reader.file, (DType::F32, dim))?),
            BINARY_IVF => Some(lists::describe(&mut reader.file, (DType::Bits, dim))?),
            IVF_SQ | IVF_PQ | IVF_RABITQ => {
                let like = like(&reader.info)?;
                let (of, residual) = quantizer::read_codes(&mut reader.file, &like)?;
                codes = Some(of.name());
                let lists = lists::describe(&mut reader.file, (DType::F32, dim))?;
                let originals = has_section(&mut reader.file, ORIGINALS)?;
                let quantizer = of.scalar().map(ScalarQuantizer::kind);
                Some(IvfInfo { quantizer, codes: of.name(), residual, originals, ..lists })
            }
            _ => None,
        };
        Ok(IndexInfo { codes, ivf, hnsw, ..IndexInfo::of(reader, rows, next_id) })
    }

    /// Reads the whole file and checks each of its checksums; `progress` is told bytes read and bytes in all, and an error
    /// that it returns ends the check.
    ///
    /// Cost: one pass over the file, a few MiB of host memory.
    ///
    /// # Errors
    /// As [`read`](Self::read); `Format` with the place of the first damage; what `progress` returns.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::IndexInfo;
    /// let info = IndexInfo::verify("points.nf", &mut |read, all| {
    ///     eprint!("\r{:3.0} %", 100.0 * read as f64 / all as f64);
    ///     Ok(())
    /// })?;
    /// println!("{} rows, none damaged", info.rows);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn verify(
        path: impl AsRef<Path>,
        progress: &mut dyn FnMut(u64, u64) -> Result<()>,
    ) -> Result<IndexInfo> {
        let info = IndexInfo::read(path.as_ref())?;
        open(path.as_ref())?.file.check_rest(progress)?;
        Ok(info)
    }

    /// A file of another library with a layered graph.
    pub(crate) fn of_hnsw(
        (dtype, dim): (DType, usize),
        metric: &Metric,
        (rows, next_id): (u64, u64),
        hnsw: HnswInfo,
        bytes: u64,
    ) -> IndexInfo {
        IndexInfo {
            kind: HNSW.to_owned(),
            dtype,
            dim,
            metric: metric.clone(),
            rows,
            next_id,
            codes: None,
            ivf: None,
            hnsw: Some(hnsw),
            transforms: Vec::new(),
            refine: None,
            bytes,
            version: 0,
        }
    }

    fn of(reader: &IndexReader, rows: u64, next_id: u64) -> IndexInfo {
        let (bytes, version, info) = (reader.file.length(), VERSION, &reader.info);
        let Info { kind, dtype, dim, metric } = info;
        IndexInfo {
            kind: kind.clone(),
            dtype: *dtype,
            dim: *dim,
            metric: metric.clone(),
            rows,
            next_id,
            codes: None,
            ivf: None,
            hnsw: None,
            transforms: Vec::new(),
            refine: None,
            bytes,
            version,
        }
    }
}

/// A quantizer of the kind that the rows of such an index are codes of.
fn like(info: &Info) -> Result<Quantizer> {
    Ok(match &*info.kind {
        SQ | IVF_SQ => Quantizer::Scalar(ScalarQuantizer::of_bytes(info.dim)),
        PQ | IVF_PQ => Quantizer::Product(ProductQuantizer::of_one_part(info.dim)),
        _ => Quantizer::RaBitQ(RaBitQuantizer::for_metric(info.dim, &info.metric, 1)?),
    })
}

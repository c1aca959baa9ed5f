//! hnswlib's index files (`index.save_index`), read and written: what a file begins with (`header`), both directions (`read`, `write`).
//!
//! A file is gone through twice: first for everything but its rows, so that it is known to be sound before anything is on the device; then for the rows.

mod header;
mod read;
mod write;

use crate::device::Gpu;
use crate::error::Result;
use crate::format::AtomicFile;
use crate::index::{Hnsw, Index, IndexInfo};
use crate::metric::Metric;
use std::path::Path;

/// Reads an index that hnswlib wrote, `index.save_index("x.bin")`, cuVS in its format, or [`write_hnswlib`]. Searches follow the links of the file.
///
/// The file says neither what the rows are compared by nor how many elements they have: say what the index was made with. `l2`, `ip` and `cosine` there are
/// [`L2`](Metric::L2), [`InnerProduct`](Metric::InnerProduct) and [`Cosine`](Metric::Cosine) here, and distances are those of this crate: of the last two hnswlib gives
/// 1 less the similarity that is given here. Rows under `cosine` are stored with length 1; what they were before is not in the file.
///
/// Labels become ids, and rows that are marked as deleted are removed; the links still lead over them. Files with level 0 alone, as cuVS writes them, are read. How many
/// rows a search keeps is not in the file: [`Hnsw::ef`] is 64 until [`Hnsw::set_ef`].
///
/// Cost: streams the file twice; host memory for all links and labels, 4 to 8 bytes a link and 8 a row, and for a block of rows.
///
/// # Errors
/// `Format`, naming file and offset, for a file that is damaged or of no hnswlib, for rows of another length than `dim` f32 (of f16, i8 and u8, which cuVS's copy
/// of hnswlib writes, too), for labels of 2^63 and more and such as are there twice, for values that the metric refuses; `Unsupported` for another metric;
/// `Io`; `OutOfDeviceMemory`.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Metric, Search, read_hnswlib};
/// let index = read_hnswlib(&Gpu::new()?, "vectors.hnswlib", 128, &Metric::L2)?;
/// let hits = index.search(&[0.5; 128], 10)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("load_index", "HierarchicalNSW"))]
pub fn read_hnswlib(
    gpu: &Gpu,
    path: impl AsRef<Path>,
    dim: usize,
    metric: &Metric,
) -> Result<Hnsw> {
    read::read(gpu, path.as_ref(), dim, metric)
}

/// Writes an [`Hnsw`] or a [`Graph`](crate::Graph) to a file that hnswlib reads, `index.load_index("x.bin")`; whole or not at all, without what was removed. A `Graph`'s
/// edges become level 0, and levels are made above it.
///
/// What is not kept: rows of other types become f32; under [`Cosine`](Metric::Cosine) they are stored with length 1, as there; the number of rows that a
/// search keeps; how levels are drawn. What was removed leaves the graph, its neighbours linked to each other.
///
/// Cost: as [`read_hnswlib`]; makes the graph if it is not there.
///
/// # Errors
/// `Unsupported` for other kinds of index and other metrics than `l2`, `ip` and `cosine`; as [`Index::write`].
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Hnsw, Index, Metric, write_hnswlib};
/// let index = Hnsw::new(&Gpu::new()?, 2, Metric::L2)?;
/// index.add(&[0.0, 0.0, 3.0, 4.0])?;
/// write_hnswlib(&index, "points.hnswlib")?;
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn write_hnswlib(index: &dyn Index, path: impl AsRef<Path>) -> Result<()> {
    write_hnswlib_unnamed(index, path)?.finish()
}

/// The same as [`write_hnswlib`], but for the name of the file, which comes with [`finish`](AtomicFile::finish).
///
/// # Errors
/// Those of [`write_hnswlib`].
///
/// # Example
/// ```no_run
/// # use nearfield::*;
/// let index = read_index(&Gpu::new()?, "points.nf")?;
/// let mut file = write_hnswlib_unnamed(&*index, "points.hnswlib")?;
/// let (dim, metric) = (index.dim(), index.metric());
/// verify_hnswlib(file.unfinished()?, dim, metric, &mut |_, _| Ok(()))?; // what was written reads
/// file.finish()?;
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn write_hnswlib_unnamed(index: &dyn Index, path: impl AsRef<Path>) -> Result<AtomicFile> {
    write::write(index, path.as_ref())
}

/// Whether a file begins as hnswlib's do. They have no letters: by a zero, and by lengths that fit each other and the file.
///
/// # Errors
/// `Io`.
///
/// # Example
/// ```no_run
/// use nearfield::{Metric, hnswlib_info, is_hnswlib};
/// if is_hnswlib("unknown.bin")? {
///     println!("{:?}", hnswlib_info("unknown.bin", 128, &Metric::L2)?);
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn is_hnswlib(path: impl AsRef<Path>) -> Result<bool> {
    read::begins(path.as_ref())
}

/// What a file of hnswlib's says of itself, of rows of `dim` elements under a metric: what [`read_hnswlib`] would make of it, and
/// [`version`](IndexInfo#structfield.version) 0. No device is needed.
///
/// Cost: reads all but the rows.
///
/// # Errors
/// `Format`, `Unsupported` and `Io` as [`read_hnswlib`].
///
/// # Example
/// ```no_run
/// # use nearfield::{Metric, hnswlib_info};
/// let info = hnswlib_info("vectors.hnswlib", 128, &Metric::Cosine)?;
/// println!("{} rows, {:?}", info.rows, info.hnsw);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn hnswlib_info(path: impl AsRef<Path>, dim: usize, metric: &Metric) -> Result<IndexInfo> {
    read::info(path.as_ref(), dim, metric)
}

/// Reads the whole of a file of hnswlib's, which has no checksums, and checks what can be checked without a device: lengths, links, labels, and that the
/// metric takes the values; `progress` is told bytes done and bytes of the file, and an error that it returns ends the check.
///
/// # Errors
/// `Format`, `Unsupported` and `Io` as [`read_hnswlib`]; what `progress` returns.
///
/// # Example
/// ```no_run
/// # use nearfield::{Metric, verify_hnswlib};
/// let info = verify_hnswlib("vectors.hnswlib", 128, &Metric::L2, &mut |_, _| Ok(()))?;
/// println!("{} rows, which read_hnswlib reads", info.rows);
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn verify_hnswlib(
    path: impl AsRef<Path>,
    dim: usize,
    metric: &Metric,
    progress: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<IndexInfo> {
    read::verify(path.as_ref(), dim, metric, progress)
}

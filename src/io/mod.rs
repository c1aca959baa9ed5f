//! Files of indexes: those of this crate, which `index` reads and writes, and those of other libraries.

mod faiss;
mod hnswlib;
mod reader;
mod widened;

use crate::device::Gpu;
use crate::error::Result;
use crate::index::{Index, read_own};
use std::path::Path;

pub use faiss::{faiss_info, is_faiss, read_faiss, verify_faiss, write_faiss, write_faiss_unnamed};
pub use hnswlib::{
    hnswlib_info, is_hnswlib, read_hnswlib, verify_hnswlib, write_hnswlib, write_hnswlib_unnamed,
};

/// Reads what [`Index::write`] wrote, whatever kind of index it was, and what [`read_faiss`] reads: the first bytes tell which. Files of hnswlib do not say all
/// that is to be known of them: [`read_hnswlib`].
///
/// Cost: streams the file once; host memory for a block of rows, and 8 bytes a row where the ids are not consecutive.
///
/// # Errors
/// `Format`, naming file and offset, for anything but a whole and undamaged index file of a version that this build
/// reads; as [`read_faiss`]; `Io`; what the index's constructor and `add` return.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Search, read_index};
/// let index = read_index(&Gpu::new()?, "vectors.nf")?;
/// println!("{} rows of {}, {}", index.len(), index.dim(), index.metric());
/// # Ok::<(), nearfield::Error>(())
/// ```
///
/// # The file
/// FAISS's files are described at [`read_faiss`]; this is the one of this crate.
///
#[doc = include_str!("../index/FORMAT.md")]
#[doc(alias("load", "load_index", "restore"))]
pub fn read_index(gpu: &Gpu, path: impl AsRef<Path>) -> Result<Box<dyn Index>> {
    let path = path.as_ref();
    if is_faiss(path)? { read_faiss(gpu, path) } else { read_own(gpu, path) }
}

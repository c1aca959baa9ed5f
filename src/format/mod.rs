//! Files of vectors: NumPy arrays, the `.fvecs` family and the `.fbin` family, and streams of rows from anywhere.
//!
//! | extension | elements | layout |
//! |---|---|---|
//! | `.npy` | every [`DType`](crate::DType); also f64 (narrowed) and whole numbers of 32 and 64 bits | NumPy's, versions 1 to 3, in either order and byte order |
//! | `.fvecs` `.bvecs` `.ivecs` | f32, u8, i32 | every row is an i32 dimension and its elements |
//! | `.fbin` `.f16bin` `.u8bin` `.i8bin` `.ibin` | f32, f16, u8, i8, i32 | u32 rows, u32 dimension, or both u64 as cuVS writes them, then the elements |
//!
//! bfloat16 lies in an `.npy` as u16 and packed bits in any file of whole numbers, eight to a byte; since the file does not say so,
//! both are read only where [`open`] is told the type. Ids are whole numbers: [`IdFile`] and [`read_ids`]. What a filter
//! takes may also be a mask or a text: [`RowList`].
//!
//! # Memory
//! Files are mapped, not read: rows of the file's own type are slices of the map, and everything else goes through eight
//! blocks of a few MiB. An `.npy` in Fortran order or big-endian is arranged on the way, which takes a
//! block of memory more a thread, and about a second a GB on two cores while the file is in the system's cache. From a disk one in Fortran
//! order is read in many small parts: save one that is read again and again in C order (`numpy.ascontiguousarray`,
//! `nearfield convert`). **Truncating a file while it is mapped here ends the process** (a bus error) on most systems, and
//! writing to it changes the rows under the reader; replace a file by renaming another onto its name instead, as the
//! writers of this module do.
//!
//! # Example
//! ```
//! use nearfield::{DType, Rows, format::{self, RowSource}};
//! # fn main() -> nearfield::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let dir = folder.path();
//! let path = dir.join("points.fvecs");
//! let mut out = format::create(&path, DType::F32, 2)?;
//! out.write(Rows::F32(&[0.0, 0.5, 1.0, 1.5]))?;
//! out.finish()?;
//!
//! let mut file = format::open(&path, None)?;
//! while let Some(block) = file.next_rows(1000)? {
//!     assert_eq!(block.to_f32(), [0.0, 0.5, 1.0, 1.5]);
//! }
//! # Ok(())
//! # }
//! ```

// Rows are taken from files, and given to the GPU, as the bytes that lie in memory.
#[cfg(target_endian = "big")]
compile_error!("nearfield needs a little-endian machine");

mod ahead;
mod arrange;
mod atomic;
mod bin;
mod block;
mod confused;
mod container;
mod conversion;
mod convert_file;
mod describe;
mod element;
mod ids;
mod layout;
mod limits;
mod little_endian;
mod load;
mod losses;
pub(crate) mod map;
mod mapped;
mod narrow;
mod npy_header;
mod npy_parse;
mod packed;
mod read_f32;
mod row_file;
mod row_list;
mod row_writer;
mod set;
mod sink;
mod skipped;
mod source;
mod store;
mod text_list;
mod typed;
mod unfinished;
mod vecs;

pub use atomic::AtomicFile;
pub(crate) use container::holds_rows;
pub use conversion::{BitOrder, Conversion, Scale};
pub use convert_file::{Converted, convert, convert_unnamed};
pub use describe::{FileInfo, inspect};
pub use ids::{IdFile, IdWriter, read_ids};
pub(crate) use limits::MAX_DIM;
pub(crate) use little_endian::LittleEndian;
pub use losses::Losses;
pub use read_f32::read_f32;
pub use row_file::{RowFile, open};
pub use row_list::RowList;
pub use row_writer::{RowWriter, create};
pub use set::ReadyFiles;
pub use source::{RowSource, SliceSource};
pub use store::{HostRows, RowStore};
pub use typed::{NpyElement, NpyWriter};

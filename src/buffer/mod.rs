//! Device buffers: counted, pooled, filled and read; and [`Matrix`], rows in segments.

mod alloc;
mod append;
mod bin;
mod handle;
mod host;
mod join;
mod matrix;
mod pieces;
mod poison;
mod pool;
mod raw;
mod read;
mod readback;
mod rebuild;
mod replace;
mod segment;
mod source;
mod staging;
mod transfer;
mod upload;

pub(crate) use bin::BIN;
pub(crate) use handle::{Buffer, PART_ALIGN};
pub(crate) use host::HostFloats;
pub use matrix::Matrix;
pub(crate) use readback::{Bytes, Landing, Readback};
pub(crate) use replace::Touched;
pub(crate) use segment::Segment;
pub(crate) use staging::{Staged, Staging, StagingPart};
#[cfg(test)]
pub(crate) use transfer::Copied;
pub(crate) use upload::Uploader;

#[cfg(test)]
mod tests;

//! From WGSL templates to dispatches: sources, variants, pipelines, binding.

mod cache;
#[cfg(test)]
mod dispatched_tests;
mod encoder;
mod fit;
mod flight;
mod listed;
pub(crate) mod matrix_error;
mod operand;
mod params;
mod reflect;
mod shader;
mod source;
mod tile;
mod trace;
mod variant;

#[cfg(test)]
pub(crate) use dispatched_tests::Dispatched;
pub(crate) use encoder::{Bind, Encoder, fold};
pub use fit::check_scan_tile;
pub(crate) use fit::{best_matrix_tile, matrix_tile};
pub(crate) use flight::{Flight, Landed, words};
pub use listed::KernelVariant;
pub(crate) use operand::{Operand, RowMap};
pub(crate) use params::{Field, Params, params};
pub(crate) use shader::{Shader, shader};
pub(crate) use tile::{DEPTH, MatrixTile, Tile};
pub(crate) use variant::Variant;

//! From WGSL templates to dispatches: sources, variants, the registry of all kernels, pipelines, binding.

mod cache;
mod custom;
mod encoder;
mod fit;
mod flight;
mod list;
mod reflect;
pub(crate) mod registry;
mod source;
mod tile;
mod trace;
mod variant;

pub(crate) use custom::check as check_custom;
pub(crate) use encoder::{Encoder, fold};
pub use fit::check_scan_tile;
pub(crate) use flight::{Flight, Landed};
pub use list::{KernelVariant, kernel_variants};

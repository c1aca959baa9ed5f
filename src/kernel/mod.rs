//! From WGSL templates to dispatches: sources, variants, the registry of all kernels, pipelines, binding.

mod cache;
mod custom;
mod encoder;
mod flight;
mod reflect;
pub(crate) mod registry;
mod source;
mod variant;

pub(crate) use custom::check as check_custom;
pub(crate) use encoder::{Encoder, fold};
pub(crate) use flight::{Flight, Landed};
pub use registry::{KernelVariant, kernel_variants};

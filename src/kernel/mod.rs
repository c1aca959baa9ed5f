//! From WGSL templates to dispatches: sources, variants, pipelines, binding.
//!
//! # A new kernel
//!
//! 1. `shaders/FOLDER/NAME.wgsl`: opens with what it computes, the shapes of its buffers, its threads and its profile keys; takes
//!    its bindings from `{{ slot() }}` and its functions from `shaders/lib`. `source.rs` knows it once it is in the list there.
//! 2. Its parameters in the `params.rs` of the layer that dispatches it, with [`params!`](params): the shader's struct is written
//!    from them.
//! 3. Its constructor in the `kernels.rs` of that layer, which names every value that the template takes, and in `variants()`
//!    beside it each set of values that a device may meet: tests translate those for Vulkan, Metal and DX12.
//! 4. [`Encoder::dispatch`] with buffers by the names that the shader gives them.
//!
//! Tests then ask for it: `tests/shaders` for the opening lines and the limits of the translation, `dispatched_tests` for a search
//! that runs it, `tests/device_functions` for each new function of the library.

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

//! A GPU of Apple's for tests, on a machine that has none: wgpu translates shaders to Metal's language as it does on a Mac, clang
//! compiles what it wrote, and the processor runs it, with barriers, SIMD groups and matrices as Metal defines them. What a
//! GPU would not tell is a fault here: see the README.
#![forbid(clippy::undocumented_unsafe_blocks)]

mod check;
mod clang;
mod compile;
mod hal;
mod options;
mod run;
mod watch;

pub use check::type_check;
pub use clang::clang;
pub use compile::{Source, Translated, translate};
pub use options::Options;
pub use watch::{Faults, Loss};

/// A wgpu whose one adapter is that GPU.
///
/// # Errors
/// The options are none, the compiler or the folder of the cache is not fit for use, or this is not Linux.
pub fn instance(options: Options) -> Result<wgpu::Instance, String> {
    options.check()?;
    if cfg!(not(target_os = "linux")) {
        return Err("kernels are loaded as Linux has it".to_owned());
    }
    // wgpu compiles kernels of its own when a device is opened, and has no words for what goes wrong with them.
    compile::prepare(&options)?;
    // SAFETY: it is an instance of this backend's.
    Ok(unsafe { wgpu::Instance::from_hal::<hal::Api>(hal::Instance::new(options)) })
}

//! From naga's module to a kernel that runs: MSL, a C++ unit around it, a shared object.

mod object;
mod translate;
mod unit;

pub use object::{INCLUDE, prepare};
pub use translate::{LANGUAGE, Source, Translated, translate};
pub use unit::without_twins;

use crate::options::Options;
use crate::run::{Description, Kernel};

/// What an M1 has for a workgroup's variables. wgpu leaves it to Metal to refuse more.
pub const WORKGROUP_BYTES: u32 = 32 << 10;

/// Compiles a translation, or takes it from the cache.
///
/// # Errors
/// What clang says.
pub fn kernel(translated: &Translated, options: &Options) -> Result<Kernel, String> {
    let bytes: u32 = translated.shared.iter().map(|bytes| bytes.next_multiple_of(16)).sum();
    if bytes > WORKGROUP_BYTES {
        return Err(format!("{bytes} bytes of workgroup storage, of {WORKGROUP_BYTES}"));
    }
    let unit = unit::Unit::new(translated)?;
    let files = object::build(&unit, options)?;
    Kernel::load(Description {
        name: translated.name.clone(),
        threads: translated.threads,
        shared: translated.shared.clone(),
        text: unit.metal,
        source: files.source,
        object: files.object,
    })
}

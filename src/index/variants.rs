//! The list of all kernels' variants.

use crate::error::Result;
use crate::exact::{matrix_tiles, register_tiles};
use crate::kernel::KernelVariant;
use crate::kernel::matrix_error;
use crate::{clustering, exact, graph, invlists, ops, quantize};

/// All variants of all kernels: every dtype, family and flag; every tile of a device profile. For tests, which translate, validate
/// and hold them against the limits of every platform.
///
/// # Errors
/// When a template does not expand, which the crate's own tests exclude.
pub fn kernel_variants() -> Result<Vec<KernelVariant>> {
    let lists = invlists::variants(&matrix_tiles()?, &register_tiles()?);
    let codes = quantize::variants();
    let own = [ops::kernels::variants(), clustering::variants(), lists, codes, graph::variants()]
        .concat();
    let all = [matrix_error::variants()?, exact::variants()?, own].concat();
    all.iter().map(KernelVariant::of).collect()
}

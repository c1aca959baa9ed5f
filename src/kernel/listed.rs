//! A variant as the tests see it, which translate, validate and hold all of them against the limits of every platform.

use super::reflect::reflect;
use super::source::expand;
use super::variant::Variant;
use crate::error::Result;

/// One variant, expanded, as the translation tests see it.
#[derive(Clone, Debug)]
pub struct KernelVariant {
    /// The name that spells all constants.
    pub name: String,
    /// The WGSL.
    pub wgsl: String,
    /// Names of the storage buffers, in the order of their bindings.
    pub bindings: Vec<String>,
    /// Threads of a workgroup.
    pub workgroup_threads: u32,
    /// Features that the adapter must have; `workgroup48k` for more than 32 KiB of workgroup memory.
    pub needs: Vec<String>,
    /// Whether WebGPU's guaranteed limits suffice.
    pub baseline: bool,
}

impl KernelVariant {
    /// The variant expanded and read.
    pub(crate) fn of(variant: &Variant) -> Result<KernelVariant> {
        let wgsl = expand(variant)?;
        let needs = reflect(variant.name(), &wgsl)?;
        variant.check(&needs)?;
        // more than Apple has
        let large = needs.workgroup_bytes > 32 << 10;
        let features = features(&wgsl, large);
        Ok(KernelVariant {
            name: variant.name().to_owned(),
            wgsl,
            workgroup_threads: needs.threads,
            bindings: needs.bindings.iter().map(|binding| binding.name.clone()).collect(),
            baseline: features.is_empty()
                && needs.threads <= 256
                && needs.workgroup_bytes <= 16 << 10
                && needs.bindings.len() <= 8,
            needs: features,
        })
    }
}

/// What a text asks of an adapter.
fn features(wgsl: &str, large: bool) -> Vec<String> {
    let asks = [
        ("workgroup48k", large),
        ("f16", wgsl.contains("enable f16")),
        ("subgroup", wgsl.contains("subgroup_id") || wgsl.contains("subgroupShuffle")),
        ("coop8", wgsl.contains("coop_mat8x8")),
        ("coop16", wgsl.contains("coop_mat16x16")),
    ];
    asks.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name.to_owned()).collect()
}

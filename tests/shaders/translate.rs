//! The same translations that wgpu makes, with the same options, with and without run-time checks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::{GlobalVariable, ResourceBinding};

use crate::variant::Kernel;

/// A translated kernel and the name that its entry point has there.
pub struct Translated {
    pub text: String,
    pub entry: String,
}

fn policies(checked: bool) -> BoundsCheckPolicies {
    let policy = if checked { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
    BoundsCheckPolicies {
        index: policy,
        buffer: policy,
        image_load: policy,
        binding_array: BoundsCheckPolicy::Unchecked,
    }
}

/// A writer that panics is a failure of that kernel, not of the whole test.
pub fn caught<T>(
    kernel: &Kernel,
    target: &str,
    write: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(write))
        .unwrap_or_else(|_| Err("the translator panicked".into()))
        .map_err(|e| format!("{}, {target}: {e}", kernel.name()))
}

pub fn bound(kernel: &Kernel) -> impl Iterator<Item = (ResourceBinding, &GlobalVariable)> {
    let variables = kernel.module.global_variables.iter();
    variables.filter_map(|(_, variable)| Some((variable.binding?, variable)))
}

pub fn spirv(kernel: &Kernel, version: (u8, u8), checked: bool) -> Result<Vec<u32>, String> {
    let zero = match checked {
        true => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
        false => spv::ZeroInitializeWorkgroupMemoryMode::None,
    };
    let options = spv::Options {
        lang_version: version,
        fake_missing_bindings: true,
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: zero,
        force_loop_bounding: checked,
        emit_int_div_checks: checked,
        ..Default::default()
    };
    caught(kernel, "SPIR-V", || {
        spv::write_vec(&kernel.module, &kernel.info, &options, None).map_err(|e| e.to_string())
    })
}

pub fn hlsl(kernel: &Kernel, checked: bool) -> Result<Translated, String> {
    caught(kernel, "HLSL", || {
        let (text, entry) = crate::hlsl::translate(&kernel.module, &kernel.info, checked)?;
        Ok(Translated { text, entry })
    })
}

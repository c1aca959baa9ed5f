//! naga's HLSL, with the options that wgpu gives it for DX12.

use naga::back::hlsl::{BindTarget, Options, PipelineOptions, ShaderModel, Writer};
use naga::valid::ModuleInfo;
use naga::{Module, ShaderStage};

/// The command of tests/drivers/dxc.sh: it takes ENTRY:FILE arguments and fails when one does not compile.
pub fn dxc() -> Option<String> {
    std::env::var("NEARFIELD_DXC").ok()
}

/// The text of a module of one entry point, and the name that its entry point has there. A buffer's register is the number of its
/// binding in WGSL, whether the kernel writes to it or not; immediates lie in space 1, what DX12 tells of a dispatch in space 2.
pub fn translate(
    module: &Module,
    info: &ModuleInfo,
    checked: bool,
) -> Result<(String, String), String> {
    let own = |space| Some(BindTarget { space, ..Default::default() });
    let mut options = Options {
        shader_model: ShaderModel::V6_6,
        fake_missing_bindings: false,
        immediates_target: own(1),
        special_constants_binding: own(2),
        zero_initialize_workgroup_memory: checked,
        restrict_indexing: checked,
        force_loop_bounding: checked,
        ..Default::default()
    };
    let bindings = module.global_variables.iter().filter_map(|(_, variable)| variable.binding);
    options.binding_map = bindings
        .map(|binding| {
            let register = binding.binding;
            let target = BindTarget { register, restrict_indexing: checked, ..Default::default() };
            (binding, target)
        })
        .collect();
    let entry = module.entry_points.first().ok_or("no entry point")?.name.clone();
    let pipeline = PipelineOptions { entry_point: Some((ShaderStage::Compute, entry)) };
    let mut text = String::new();
    let written = Writer::new(&mut text, &options, &pipeline)
        .write(module, info, None)
        .map_err(|e| e.to_string())?;
    let entry = written.entry_point_names.into_iter().next().ok_or("no entry point")?;
    Ok((text, entry.map_err(|e| e.to_string())?))
}

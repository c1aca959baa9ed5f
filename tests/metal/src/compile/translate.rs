//! MSL as wgpu's Metal backend has it written: the same options, the same slots.

use naga::back::msl;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::{AddressSpace, ResourceBinding, ShaderStage, TypeInner, VectorSize};

/// The version that wgpu asks for on macOS 15.
pub const LANGUAGE: (u8, u8) = (3, 2);

/// What is translated.
pub struct Source<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Version of Metal's language.
    pub language: (u8, u8),
    /// The shader.
    pub module: &'a naga::Module,
    /// What naga found when it validated it.
    pub info: &'a naga::valid::ModuleInfo,
    /// The entry point.
    pub entry_point: &'a str,
    /// Values of its overrides.
    pub constants: &'a naga::back::PipelineConstants,
    /// The checks that naga writes into it.
    pub checks: wgpu::ShaderRuntimeChecks,
    /// Whether its workgroup memory is zeroed.
    pub zero_workgroup_memory: bool,
    /// The slots of its buffers.
    pub resources: &'a msl::EntryPointResources,
}

/// An entry point in MSL.
#[derive(Clone, Debug)]
pub struct Translated {
    /// What messages call it.
    pub name: String,
    /// MSL.
    pub text: String,
    /// The name that its entry point has there.
    pub entry: String,
    /// Threads of a workgroup.
    pub threads: [u32; 3],
    /// Bytes of its workgroup variables, in the order of the parameters.
    pub shared: Vec<u32>,
    /// The bindings whose sizes it is told, in the order in which it expects them.
    pub sized: Vec<ResourceBinding>,
}

/// Translates one entry point.
///
/// # Errors
/// What naga says.
pub fn translate(source: &Source<'_>) -> Result<Translated, String> {
    let stage = ShaderStage::Compute;
    let entry = Some((stage, source.entry_point));
    let (module, info) = naga::back::pipeline_constants::process_overrides(
        source.module,
        source.info,
        entry,
        source.constants,
    )
    .map_err(|e| format!("{e:?}"))?;
    let policy = if source.checks.bounds_checks {
        BoundsCheckPolicy::Restrict
    } else {
        BoundsCheckPolicy::Unchecked
    };
    let options = msl::Options {
        lang_version: source.language,
        per_entry_point_map: [(source.entry_point.to_owned(), source.resources.clone())].into(),
        fake_missing_bindings: false,
        spirv_cross_compatibility: false,
        bounds_check_policies: BoundsCheckPolicies {
            index: policy,
            buffer: policy,
            image_load: policy,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: source.zero_workgroup_memory,
        force_loop_bounding: source.checks.force_loop_bounding,
        emit_int_div_checks: source.checks.int_div_checks,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((stage, source.entry_point.to_owned())),
        vertex_pulling_transform: true,
        ..Default::default()
    };
    let (text, written) =
        msl::write_string(&module, &info, &options, &pipeline).map_err(|e| e.to_string())?;
    let entry = written
        .entry_point_names
        .into_iter()
        .next()
        .ok_or("no entry point")?
        .map_err(|e| e.to_string())?;
    let is_it = |ep: &naga::EntryPoint| ep.stage == stage && ep.name == source.entry_point;
    let index = module.entry_points.iter().position(is_it).ok_or("no such entry point")?;
    let used = info.get_entry_point(index);
    let (mut shared, mut sized) = (Vec::new(), Vec::new());
    for (handle, variable) in module.global_variables.iter() {
        let inner = &module.types[variable.ty].inner;
        match variable.space {
            AddressSpace::WorkGroup if !used[handle].is_empty() => {
                // Metal writes the fourth element of a vector of three, and wgpu rounds the length of every variable up to 16.
                let fourth = match inner {
                    TypeInner::Vector { size: VectorSize::Tri, scalar } => u32::from(scalar.width),
                    _ => 0,
                };
                shared.push(inner.size(module.to_ctx()) + fourth);
            }
            AddressSpace::Uniform | AddressSpace::Storage { .. } => {
                if let Some(binding) = variable.binding
                    && inner.needs_host_buffer_byte_size(&module.types)
                {
                    sized.push(binding);
                }
            }
            _ => {}
        }
    }
    let threads = module.entry_points[index].workgroup_size;
    Ok(Translated { name: source.name.to_owned(), text, entry, threads, shared, sized })
}

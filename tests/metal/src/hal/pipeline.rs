//! Shader modules and compute pipelines.

use super::absent::Resource;
use super::layout::PipelineLayout;
use crate::compile::{self, Source};
use crate::options::Options;
use crate::run::Kernel;
use naga::ResourceBinding;
use naga::back::msl;
use std::sync::Arc;
use wgpu::hal;

#[derive(Debug)]
pub struct Module {
    shader: hal::NagaShader,
    checks: wgpu::ShaderRuntimeChecks,
}

impl Module {
    pub fn new(
        desc: &hal::ShaderModuleDescriptor<'_>,
        shader: hal::ShaderInput<'_>,
    ) -> Result<Module, hal::ShaderError> {
        match shader {
            hal::ShaderInput::Naga(shader) => Ok(Module { shader, checks: desc.runtime_checks }),
            _ => Err(hal::ShaderError::Compilation("only WGSL is translated".to_owned())),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Pipeline {
    pub kernel: Arc<Kernel>,
    pub resources: Arc<msl::EntryPointResources>,
    /// The bindings whose sizes the kernel is told.
    pub sized: Arc<[ResourceBinding]>,
}

pub type Descriptor<'a> = hal::ComputePipelineDescriptor<'a, PipelineLayout, Module, Resource>;

impl Pipeline {
    pub fn new(desc: &Descriptor<'_>, options: &Options) -> Result<Pipeline, hal::PipelineError> {
        let stage = &desc.stage;
        let source = Source {
            name: desc.label.unwrap_or(stage.entry_point),
            language: compile::LANGUAGE,
            module: &stage.module.shader.module,
            info: &stage.module.shader.info,
            entry_point: stage.entry_point,
            constants: stage.constants,
            checks: stage.module.checks,
            zero_workgroup_memory: stage.zero_initialize_workgroup_memory,
            resources: &desc.layout.resources,
        };
        let failed =
            |e| hal::PipelineError::Linkage(wgpu::ShaderStages::COMPUTE, format!("MSL: {e}"));
        let translated = compile::translate(&source).map_err(failed)?;
        let kernel = compile::kernel(&translated, options).map_err(|e| {
            // wgpu has no words for what is wrong with a kernel of its own.
            eprintln!("kernel {}: {e}", translated.name);
            failed(e)
        })?;
        Ok(Pipeline {
            kernel: Arc::new(kernel),
            resources: Arc::new(desc.layout.resources.clone()),
            sized: translated.sized.into(),
        })
    }
}

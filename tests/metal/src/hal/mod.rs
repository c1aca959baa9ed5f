//! wgpu's interface to a driver, of which the compute part is there. wgpu's own core stands above it, as it does on a Mac:
//! validation, zeroed buffers, mapping, error scopes and the order of commands are those that an application has.

mod absent;
mod adapter;
mod binding;
mod buffer;
mod commands;
mod device;
mod encoder;
mod layout;
mod pipeline;
mod queries;
mod queue;

pub use adapter::Instance;

use wgpu::hal;

/// The backend.
#[derive(Clone, Debug)]
pub struct Api;

impl hal::Api for Api {
    const VARIANT: wgpu::Backend = wgpu::Backend::Metal;

    type Instance = Instance;
    type Surface = absent::Surface;
    type Adapter = adapter::Adapter;
    type Device = device::Device;
    type Queue = queue::Queue;
    type CommandEncoder = encoder::Encoder;
    type CommandBuffer = commands::Commands;
    type Buffer = buffer::Buffer;
    type Texture = absent::Resource;
    type SurfaceTexture = absent::Resource;
    type TextureView = absent::Resource;
    type Sampler = absent::Resource;
    type QuerySet = queries::Queries;
    type Fence = queue::Fence;
    type AccelerationStructure = absent::Resource;
    type PipelineCache = absent::Resource;
    type BindGroupLayout = layout::GroupLayout;
    type BindGroup = binding::Group;
    type PipelineLayout = layout::PipelineLayout;
    type ShaderModule = pipeline::Module;
    type RenderPipeline = absent::Resource;
    type RayTracingPipeline = absent::Resource;
    type ComputePipeline = pipeline::Pipeline;
}

macro_rules! resources {
    ($($kind:ty: $($interface:ident)?),* $(,)?) => {$(
        impl hal::DynResource for $kind {
            fn as_any(&self) -> &dyn std::any::Any {
                self
            }
            fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
                self
            }
        }
        $(impl hal::$interface for $kind {})?
    )*};
}

resources! {
    Instance:,
    absent::Surface:,
    adapter::Adapter:,
    device::Device:,
    queue::Queue:,
    encoder::Encoder:,
    commands::Commands: DynCommandBuffer,
    buffer::Buffer: DynBuffer,
    queries::Queries: DynQuerySet,
    queue::Fence: DynFence,
    layout::GroupLayout: DynBindGroupLayout,
    binding::Group: DynBindGroup,
    layout::PipelineLayout: DynPipelineLayout,
    pipeline::Module: DynShaderModule,
    pipeline::Pipeline: DynComputePipeline,
    absent::Resource: DynTexture,
}

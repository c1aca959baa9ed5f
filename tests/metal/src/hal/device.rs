//! Makes what a device has.

use super::Api;
use super::absent::Resource;
use super::binding::{self, Group};
use super::buffer::Buffer;
use super::encoder::Encoder;
use super::layout::{GroupLayout, PipelineLayout};
use super::pipeline::{self, Module, Pipeline};
use super::queries::Queries;
use super::queue::{Fence, Health, Queue};
use crate::options::Options;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;
use wgpu::hal;

type Made<T> = Result<T, hal::DeviceError>;

#[derive(Debug)]
pub struct Device {
    options: Arc<Options>,
    health: Health,
}

impl Device {
    pub fn new(options: Arc<Options>, health: Health) -> Device {
        Device { options, health }
    }
}

impl hal::Device for Device {
    type A = Api;

    unsafe fn create_buffer(&self, desc: &hal::BufferDescriptor<'_>) -> Made<Buffer> {
        Buffer::new(desc.size).ok_or(hal::DeviceError::OutOfMemory)
    }

    unsafe fn destroy_buffer(&self, buffer: Buffer) {
        drop(buffer);
    }

    unsafe fn add_raw_buffer(&self, _buffer: &Buffer) {}

    unsafe fn map_buffer(&self, buffer: &Buffer, range: Range<u64>) -> Made<hal::BufferMapping> {
        let ptr = NonNull::new(buffer.at(range.start)).ok_or(hal::DeviceError::Unexpected)?;
        Ok(hal::BufferMapping { ptr, is_coherent: true })
    }

    unsafe fn unmap_buffer(&self, _buffer: &Buffer) {}

    unsafe fn flush_mapped_ranges<I>(&self, _buffer: &Buffer, _ranges: I) {}

    unsafe fn invalidate_mapped_ranges<I>(&self, _buffer: &Buffer, _ranges: I) {}

    unsafe fn create_command_encoder(
        &self,
        _desc: &hal::CommandEncoderDescriptor<'_, Queue>,
    ) -> Made<Encoder> {
        Ok(Encoder::default())
    }

    unsafe fn create_bind_group_layout(
        &self,
        desc: &hal::BindGroupLayoutDescriptor<'_>,
    ) -> Made<GroupLayout> {
        Ok(GroupLayout { entries: desc.entries.to_vec() })
    }

    unsafe fn destroy_bind_group_layout(&self, _layout: GroupLayout) {}

    unsafe fn create_pipeline_layout(
        &self,
        desc: &hal::PipelineLayoutDescriptor<'_, GroupLayout>,
    ) -> Made<PipelineLayout> {
        Ok(PipelineLayout::new(desc))
    }

    unsafe fn destroy_pipeline_layout(&self, _layout: PipelineLayout) {}

    unsafe fn create_bind_group(&self, desc: &binding::Descriptor<'_>) -> Made<Group> {
        Group::new(desc).ok_or(hal::DeviceError::Unexpected)
    }

    unsafe fn destroy_bind_group(&self, _group: Group) {}

    unsafe fn create_shader_module(
        &self,
        desc: &hal::ShaderModuleDescriptor<'_>,
        shader: hal::ShaderInput<'_>,
    ) -> Result<Module, hal::ShaderError> {
        Module::new(desc, shader)
    }

    unsafe fn destroy_shader_module(&self, _module: Module) {}

    unsafe fn create_compute_pipeline(
        &self,
        desc: &pipeline::Descriptor<'_>,
    ) -> Result<Pipeline, hal::PipelineError> {
        Pipeline::new(desc, &self.options)
    }

    unsafe fn destroy_compute_pipeline(&self, _pipeline: Pipeline) {}

    unsafe fn create_query_set(
        &self,
        desc: &wgpu::wgt::QuerySetDescriptor<hal::Label<'_>>,
    ) -> Made<Queries> {
        Ok(Queries::new(desc.count))
    }

    unsafe fn destroy_query_set(&self, _queries: Queries) {}

    unsafe fn create_fence(&self) -> Made<Fence> {
        Ok(Fence::default())
    }

    unsafe fn destroy_fence(&self, _fence: Fence) {}

    unsafe fn get_fence_value(&self, fence: &Fence) -> Made<hal::FenceValue> {
        Ok(fence.value())
    }

    unsafe fn wait(
        &self,
        fence: &Fence,
        value: hal::FenceValue,
        timeout: Option<Duration>,
    ) -> Made<bool> {
        fence.wait(value, timeout, &self.health)
    }

    unsafe fn start_graphics_debugger_capture(&self) -> bool {
        false
    }

    unsafe fn stop_graphics_debugger_capture(&self) {}

    fn get_internal_counters(&self) -> wgpu::HalCounters {
        wgpu::HalCounters::default()
    }

    fn check_if_oom(&self) -> Made<()> {
        Ok(())
    }

    // What is not for computing.

    unsafe fn create_texture(&self, _desc: &hal::TextureDescriptor<'_>) -> Made<Resource> {
        Err(hal::DeviceError::Unexpected)
    }

    unsafe fn destroy_texture(&self, texture: Resource) {
        match texture {}
    }

    unsafe fn add_raw_texture(&self, texture: &Resource) {
        match *texture {}
    }

    unsafe fn create_texture_view(
        &self,
        texture: &Resource,
        _desc: &hal::TextureViewDescriptor<'_>,
    ) -> Made<Resource> {
        match *texture {}
    }

    unsafe fn destroy_texture_view(&self, view: Resource) {
        match view {}
    }

    unsafe fn create_sampler(&self, _desc: &hal::SamplerDescriptor<'_>) -> Made<Resource> {
        Err(hal::DeviceError::Unexpected)
    }

    unsafe fn destroy_sampler(&self, sampler: Resource) {
        match sampler {}
    }

    unsafe fn create_render_pipeline(
        &self,
        _desc: &hal::RenderPipelineDescriptor<'_, PipelineLayout, Module, Resource>,
    ) -> Result<Resource, hal::PipelineError> {
        Err(hal::DeviceError::Unexpected.into())
    }

    unsafe fn destroy_render_pipeline(&self, pipeline: Resource) {
        match pipeline {}
    }

    unsafe fn create_ray_tracing_pipeline(
        &self,
        _desc: &hal::RayTracingPipelineDescriptor<'_, PipelineLayout, Module, Resource>,
    ) -> Result<Resource, hal::PipelineError> {
        Err(hal::DeviceError::Unexpected.into())
    }

    unsafe fn destroy_ray_tracing_pipeline(&self, pipeline: Resource) {
        match pipeline {}
    }

    unsafe fn get_raytracing_pipeline_group_data(
        &self,
        pipeline: &Resource,
        _groups: Range<u32>,
    ) -> Made<Vec<u8>> {
        match *pipeline {}
    }

    unsafe fn create_pipeline_cache(
        &self,
        _desc: &hal::PipelineCacheDescriptor<'_>,
    ) -> Result<Resource, hal::PipelineCacheError> {
        Err(hal::DeviceError::Unexpected.into())
    }

    unsafe fn destroy_pipeline_cache(&self, cache: Resource) {
        match cache {}
    }

    unsafe fn create_acceleration_structure(
        &self,
        _desc: &hal::AccelerationStructureDescriptor<'_>,
    ) -> Made<Resource> {
        Err(hal::DeviceError::Unexpected)
    }

    unsafe fn get_acceleration_structure_build_sizes<'a>(
        &self,
        _desc: &hal::GetAccelerationStructureBuildSizesDescriptor<'a, Buffer>,
    ) -> hal::AccelerationStructureBuildSizes {
        hal::AccelerationStructureBuildSizes::default()
    }

    unsafe fn get_acceleration_structure_device_address(&self, structure: &Resource) -> u64 {
        match *structure {}
    }

    unsafe fn destroy_acceleration_structure(&self, structure: Resource) {
        match structure {}
    }

    fn tlas_instance_to_bytes(&self, _instance: hal::TlasInstance) -> Vec<u8> {
        Vec::new()
    }
}

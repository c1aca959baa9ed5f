//! Records commands.

use super::Api;
use super::absent::Resource;
use super::binding::Group;
use super::buffer::Buffer;
use super::commands::{Call, Command, Commands};
use super::layout::PipelineLayout;
use super::pipeline::Pipeline;
use super::queries::Queries;
use std::ops::Range;
use std::sync::Arc;
use wgpu::hal;

#[derive(Debug, Default)]
pub struct Encoder {
    list: Vec<Command>,
    pipeline: Option<Pipeline>,
    groups: Vec<Option<Arc<Group>>>,
    immediates: Vec<u32>,
    end_of_pass: Option<(Queries, u32)>,
}

impl Encoder {
    /// What a dispatch runs now, where a pipeline is set. wgpu has checked that all it needs is bound.
    fn call(&self) -> Option<Box<Call>> {
        Some(Box::new(Call {
            pipeline: self.pipeline.clone()?,
            groups: self.groups.clone(),
            immediates: self.immediates.clone(),
        }))
    }

    fn pass(&mut self) {
        self.pipeline = None;
        self.groups.clear();
        self.immediates.clear();
    }
}

impl hal::CommandEncoder for Encoder {
    type A = Api;

    unsafe fn begin_encoding(&mut self, _label: hal::Label<'_>) -> Result<(), hal::DeviceError> {
        Ok(())
    }

    unsafe fn discard_encoding(&mut self) {
        self.list.clear();
    }

    unsafe fn end_encoding(&mut self) -> Result<Commands, hal::DeviceError> {
        Ok(Commands { list: std::mem::take(&mut self.list).into() })
    }

    unsafe fn reset_all<I>(&mut self, _command_buffers: I) {}

    unsafe fn transition_buffers<'a, T>(&mut self, _barriers: T)
    where
        T: Iterator<Item = hal::BufferBarrier<'a, Buffer>>,
    {
    }

    unsafe fn transition_textures<'a, T>(&mut self, _barriers: T)
    where
        T: Iterator<Item = hal::TextureBarrier<'a, Resource>>,
    {
    }

    unsafe fn clear_buffer(&mut self, buffer: &Buffer, range: Range<u64>) {
        self.list.push(Command::Clear {
            buffer: buffer.clone(),
            begin: range.start,
            end: range.end,
        });
    }

    unsafe fn copy_buffer_to_buffer<T>(&mut self, src: &Buffer, dst: &Buffer, regions: T)
    where
        T: Iterator<Item = hal::BufferCopy>,
    {
        self.list.extend(regions.map(|region| Command::Copy {
            source: src.clone(),
            from: region.src_offset,
            target: dst.clone(),
            to: region.dst_offset,
            bytes: region.size.get(),
        }));
    }

    unsafe fn begin_query(&mut self, _set: &Queries, _index: u32) {}

    unsafe fn end_query(&mut self, _set: &Queries, _index: u32) {}

    unsafe fn write_timestamp(&mut self, set: &Queries, index: u32) {
        self.list.push(Command::Time { queries: set.clone(), index });
    }

    unsafe fn reset_queries(&mut self, set: &Queries, range: Range<u32>) {
        self.list.push(Command::ClearTimes {
            queries: set.clone(),
            begin: range.start,
            end: range.end,
        });
    }

    unsafe fn copy_query_results(
        &mut self,
        set: &Queries,
        range: Range<u32>,
        buffer: &Buffer,
        offset: u64,
        stride: wgpu::BufferSize,
    ) {
        self.list.push(Command::CopyTimes {
            queries: set.clone(),
            begin: range.start,
            end: range.end,
            target: buffer.clone(),
            to: offset,
            stride: stride.get(),
        });
    }

    unsafe fn begin_compute_pass(&mut self, desc: &hal::ComputePassDescriptor<'_, Queries>) {
        self.pass();
        let Some(writes) = &desc.timestamp_writes else { return };
        if let Some(index) = writes.beginning_of_pass_write_index {
            self.list.push(Command::Time { queries: writes.query_set.clone(), index });
        }
        self.end_of_pass =
            writes.end_of_pass_write_index.map(|index| (writes.query_set.clone(), index));
    }

    unsafe fn end_compute_pass(&mut self) {
        if let Some((queries, index)) = self.end_of_pass.take() {
            self.list.push(Command::Time { queries, index });
        }
    }

    unsafe fn set_compute_pipeline(&mut self, pipeline: &Pipeline) {
        self.pipeline = Some(pipeline.clone());
    }

    unsafe fn set_bind_group(
        &mut self,
        _layout: &PipelineLayout,
        index: u32,
        group: &Group,
        dynamic_offsets: &[wgpu::DynamicOffset],
    ) {
        let index = index as usize;
        if self.groups.len() <= index {
            self.groups.resize(index + 1, None);
        }
        self.groups[index] = Some(Arc::new(group.moved(dynamic_offsets)));
    }

    unsafe fn set_immediates(&mut self, _layout: &PipelineLayout, offset_bytes: u32, data: &[u32]) {
        let first = offset_bytes as usize / 4;
        if self.immediates.len() < first + data.len() {
            self.immediates.resize(first + data.len(), 0);
        }
        self.immediates[first..first + data.len()].copy_from_slice(data);
    }

    unsafe fn dispatch_workgroups(&mut self, count: [u32; 3]) {
        let call = self.call();
        self.list.extend(call.map(|call| Command::Dispatch { call, groups: count }));
    }

    unsafe fn dispatch_workgroups_indirect(&mut self, buffer: &Buffer, offset: u64) {
        let call = self.call();
        let groups = buffer.clone();
        self.list.extend(call.map(|call| Command::DispatchIndirect { call, groups, at: offset }));
    }

    unsafe fn insert_debug_marker(&mut self, _label: &str) {}

    unsafe fn begin_debug_marker(&mut self, _label: &str) {}

    unsafe fn end_debug_marker(&mut self) {}

    // What is not for computing: its resources cannot be made.

    unsafe fn copy_texture_to_texture<T>(
        &mut self,
        src: &Resource,
        _src_usage: wgpu::TextureUses,
        _dst: &Resource,
        _regions: T,
    ) {
        match *src {}
    }

    unsafe fn copy_buffer_to_texture<T>(&mut self, _src: &Buffer, dst: &Resource, _regions: T) {
        match *dst {}
    }

    unsafe fn copy_texture_to_buffer<T>(
        &mut self,
        src: &Resource,
        _src_usage: wgpu::TextureUses,
        _dst: &Buffer,
        _regions: T,
    ) {
        match *src {}
    }

    unsafe fn read_acceleration_structure_compact_size(
        &mut self,
        structure: &Resource,
        _buffer: &Buffer,
    ) {
        match *structure {}
    }

    unsafe fn begin_render_pass(
        &mut self,
        _desc: &hal::RenderPassDescriptor<'_, Queries, Resource>,
    ) -> Result<(), hal::DeviceError> {
        Err(hal::DeviceError::Unexpected)
    }

    unsafe fn end_render_pass(&mut self) {}

    unsafe fn set_render_pipeline(&mut self, pipeline: &Resource) {
        match *pipeline {}
    }

    unsafe fn set_index_buffer<'a>(
        &mut self,
        _binding: hal::BufferBinding<'a, Buffer>,
        _format: wgpu::IndexFormat,
    ) {
    }

    unsafe fn set_vertex_buffer<'a>(
        &mut self,
        _index: u32,
        _binding: hal::BufferBinding<'a, Buffer>,
    ) {
    }

    unsafe fn set_viewport(&mut self, _rect: &hal::Rect<f32>, _depth_range: Range<f32>) {}

    unsafe fn set_scissor_rect(&mut self, _rect: &hal::Rect<u32>) {}

    unsafe fn set_stencil_reference(&mut self, _value: u32) {}

    unsafe fn set_blend_constants(&mut self, _color: &[f32; 4]) {}

    unsafe fn draw(&mut self, _first: u32, _count: u32, _first_instance: u32, _instances: u32) {}

    unsafe fn draw_indexed(
        &mut self,
        _first: u32,
        _count: u32,
        _base: i32,
        _first_instance: u32,
        _instances: u32,
    ) {
    }

    unsafe fn draw_mesh_tasks(&mut self, _x: u32, _y: u32, _z: u32) {}

    unsafe fn draw_indirect(&mut self, _buffer: &Buffer, _offset: u64, _count: u32) {}

    unsafe fn draw_indexed_indirect(&mut self, _buffer: &Buffer, _offset: u64, _count: u32) {}

    unsafe fn draw_mesh_tasks_indirect(&mut self, _buffer: &Buffer, _offset: u64, _count: u32) {}

    unsafe fn draw_indirect_count(
        &mut self,
        _buffer: &Buffer,
        _offset: u64,
        _count_buffer: &Buffer,
        _count_offset: u64,
        _max_count: u32,
    ) {
    }

    unsafe fn draw_indexed_indirect_count(
        &mut self,
        _buffer: &Buffer,
        _offset: u64,
        _count_buffer: &Buffer,
        _count_offset: u64,
        _max_count: u32,
    ) {
    }

    unsafe fn draw_mesh_tasks_indirect_count(
        &mut self,
        _buffer: &Buffer,
        _offset: u64,
        _count_buffer: &Buffer,
        _count_offset: u64,
        _max_count: u32,
    ) {
    }

    unsafe fn build_acceleration_structures<'a, T>(&mut self, _count: u32, _descriptors: T)
    where
        Api: 'a,
        T: IntoIterator<Item = hal::BuildAccelerationStructureDescriptor<'a, Buffer, Resource>>,
    {
    }

    unsafe fn place_acceleration_structure_barrier(
        &mut self,
        _barrier: hal::AccelerationStructureBarrier,
    ) {
    }

    unsafe fn copy_acceleration_structure_to_acceleration_structure(
        &mut self,
        src: &Resource,
        _dst: &Resource,
        _copy: wgpu::wgt::AccelerationStructureCopy,
    ) {
        match *src {}
    }

    unsafe fn set_acceleration_structure_dependencies(
        _command_buffers: &[&Commands],
        _dependencies: &[&Resource],
    ) {
    }

    unsafe fn begin_ray_tracing_pass(&mut self, _desc: &hal::RayTracingPassDescriptor<'_>) {}

    unsafe fn end_ray_tracing_pass(&mut self) {}

    unsafe fn set_ray_tracing_pipeline(&mut self, pipeline: &Resource) {
        match *pipeline {}
    }

    unsafe fn trace_rays(
        &mut self,
        _count: [u32; 3],
        _ray_generation_group_data: hal::PipelineGroupData<'_, Buffer>,
        _miss_group_data: hal::PipelineGroupData<'_, Buffer>,
        _intersection_group_data: hal::PipelineGroupData<'_, Buffer>,
    ) {
    }
}

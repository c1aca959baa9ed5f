//! Where a kernel finds its buffers: slots, numbered as wgpu's Metal backend numbers them: immediate data first, then the
//! bindings of each group in their order, then the sizes of buffers.

use naga::ResourceBinding;
use naga::back::msl;
use wgpu::hal;

#[derive(Debug)]
pub struct GroupLayout {
    pub entries: Vec<wgpu::BindGroupLayoutEntry>,
}

#[derive(Debug)]
pub struct PipelineLayout {
    pub resources: msl::EntryPointResources,
}

impl PipelineLayout {
    pub fn new(desc: &hal::PipelineLayoutDescriptor<'_, GroupLayout>) -> PipelineLayout {
        let mut slots = 0..;
        let mut slot = || slots.next().unwrap_or(u8::MAX);
        let mut resources = msl::EntryPointResources::default();
        if desc.immediate_size != 0 {
            resources.immediates_buffer = Some(slot());
        }
        let mut sizes = false;
        for (group, layout) in desc.bind_group_layouts.iter().enumerate() {
            for entry in layout.iter().flat_map(|layout| &layout.entries) {
                let wgpu::BindingType::Buffer { ty, .. } = entry.ty else { continue };
                if !entry.visibility.contains(wgpu::ShaderStages::COMPUTE) {
                    continue;
                }
                let mut target = msl::BindTarget { buffer: Some(slot()), ..Default::default() };
                if let wgpu::BufferBindingType::Storage { read_only } = ty {
                    target.mutable = !read_only;
                    sizes = true;
                }
                let binding = ResourceBinding { group: group as u32, binding: entry.binding };
                resources.resources.insert(binding, target);
            }
        }
        if sizes {
            resources.sizes_buffer = Some(slot());
        }
        PipelineLayout { resources }
    }
}

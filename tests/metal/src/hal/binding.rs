//! Buffers that are bound together.

use super::absent::Resource;
use super::buffer::Buffer;
use super::layout::GroupLayout;
use wgpu::hal;

#[derive(Clone, Debug)]
pub struct Bound {
    pub binding: u32,
    /// Whether its offset comes with the group.
    pub dynamic: bool,
    pub buffer: Buffer,
    pub begin: u64,
    pub end: u64,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub bound: Vec<Bound>,
}

pub type Descriptor<'a> =
    hal::BindGroupDescriptor<'a, GroupLayout, Buffer, Resource, Resource, Resource>;

impl Group {
    pub fn new(desc: &Descriptor<'_>) -> Option<Group> {
        let mut bound = Vec::new();
        for entry in desc.entries {
            let layout =
                desc.layout.entries.iter().find(|layout| layout.binding == entry.binding)?;
            let wgpu::BindingType::Buffer { has_dynamic_offset, .. } = layout.ty else {
                return None;
            };
            let (buffer, begin, end) = Buffer::of(&desc.buffers[entry.resource_index as usize])?;
            bound.push(Bound {
                binding: entry.binding,
                dynamic: has_dynamic_offset,
                buffer,
                begin,
                end,
            });
        }
        // Dynamic offsets come in the order of the bindings.
        bound.sort_by_key(|bound| bound.binding);
        Some(Group { bound })
    }

    /// With offsets added to the bindings that take them.
    pub fn moved(&self, offsets: &[wgpu::DynamicOffset]) -> Group {
        let mut offsets = offsets.iter();
        let mut group = self.clone();
        for bound in group.bound.iter_mut().filter(|bound| bound.dynamic) {
            let offset = u64::from(*offsets.next().unwrap_or(&0));
            bound.begin += offset;
            bound.end += offset;
        }
        group
    }
}

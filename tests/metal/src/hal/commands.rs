//! What was recorded, and how it is carried out.

use super::binding::Group;
use super::buffer::Buffer;
use super::pipeline::Pipeline;
use super::queries::Queries;
use crate::options::Options;
use crate::run::{self, BUFFERS, Dispatch, Fault, Range};
use std::ptr;
use std::sync::Arc;

#[derive(Debug)]
pub enum Command {
    Clear { buffer: Buffer, begin: u64, end: u64 },
    Copy { source: Buffer, from: u64, target: Buffer, to: u64, bytes: u64 },
    Time { queries: Queries, index: u32 },
    ClearTimes { queries: Queries, begin: u32, end: u32 },
    CopyTimes { queries: Queries, begin: u32, end: u32, target: Buffer, to: u64, stride: u64 },
    Dispatch { call: Box<Call>, groups: [u32; 3] },
    DispatchIndirect { call: Box<Call>, groups: Buffer, at: u64 },
}

/// A kernel with what was bound when it was dispatched.
#[derive(Debug)]
pub struct Call {
    pub pipeline: Pipeline,
    pub groups: Vec<Option<Arc<Group>>>,
    pub immediates: Vec<u32>,
}

/// What an encoder recorded.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    pub list: Arc<[Command]>,
}

impl Commands {
    pub fn execute(&self, options: &Options) -> Result<(), Fault> {
        self.list.iter().try_for_each(|command| command.execute(options))
    }
}

impl Command {
    fn execute(&self, options: &Options) -> Result<(), Fault> {
        match self {
            Command::Clear { buffer, begin, end } => {
                // SAFETY: wgpu checked the range, and nothing else runs that touches it.
                unsafe { buffer.at(*begin).write_bytes(0, (end - begin) as usize) };
            }
            Command::Copy { source, from, target, to, bytes } => {
                // SAFETY: as above.
                unsafe { ptr::copy(source.at(*from), target.at(*to), *bytes as usize) };
            }
            Command::Time { queries, index } => queries.write(*index),
            Command::ClearTimes { queries, begin, end } => {
                (*begin..*end).for_each(|index| queries.clear(index))
            }
            Command::CopyTimes { queries, begin, end, target, to, stride } => {
                for (place, index) in (*begin..*end).enumerate() {
                    let at = target.at(to + place as u64 * stride).cast::<u64>();
                    // SAFETY: as above.
                    unsafe { at.write_unaligned(queries.value(index)) };
                }
            }
            Command::Dispatch { call, groups } => call.run(*groups, options)?,
            Command::DispatchIndirect { call, groups, at } => {
                // SAFETY: as above.
                let groups = unsafe { groups.at(*at).cast::<[u32; 3]>().read_unaligned() };
                call.run(groups, options)?;
            }
        }
        Ok(())
    }
}

impl Call {
    fn run(&self, groups: [u32; 3], options: &Options) -> Result<(), Fault> {
        let mut buffers = [Range { begin: 0, end: 0 }; BUFFERS];
        let mut sizes = vec![0_u32; self.pipeline.sized.len()];
        for (group, bound) in self.groups.iter().enumerate() {
            for bound in bound.iter().flat_map(|group| &group.bound) {
                let binding = naga::ResourceBinding { group: group as u32, binding: bound.binding };
                let target = self.pipeline.resources.resources.get(&binding);
                let Some(slot) = target.and_then(|target| target.buffer) else { continue };
                let begin = bound.buffer.at(bound.begin) as usize;
                let bytes = bound.end - bound.begin;
                buffers[usize::from(slot)] = Range { begin, end: begin + bytes as usize };
                if let Some(place) = self.pipeline.sized.iter().position(|sized| *sized == binding)
                {
                    // Metal's are 32 bits.
                    sizes[place] = bytes as u32;
                }
            }
        }
        let of = |words: &[u32]| {
            let begin = words.as_ptr() as usize;
            Range { begin, end: begin + size_of_val(words) }
        };
        if let Some(slot) = self.pipeline.resources.immediates_buffer {
            buffers[usize::from(slot)] = of(&self.immediates);
        }
        if let Some(slot) = self.pipeline.resources.sizes_buffer {
            buffers[usize::from(slot)] = of(&sizes);
        }
        run::run(&Dispatch { kernel: &self.pipeline.kernel, groups, buffers }, options)
    }
}

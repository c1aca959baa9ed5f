//! Records dispatches, each checked against the adapter's limits, and submits them with what is to be read back.

use super::cache::{Kernel, kernel};
use super::flight::Flight;
use super::params::Params;
use super::reflect::Binding;
use super::trace::Trace;
use super::variant::Variant;
use crate::buffer::{Buffer, Staged};
use crate::device::{BindGroups, Gpu, PassTimer};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Passes with timestamps in one submission.
const TIMED_PASSES: u32 = 256;

/// One submission in the making. Dispatches share a compute pass, and each sees what those before it wrote.
pub(crate) struct Encoder {
    // Before the encoder: a pass ends before what records it.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: wgpu::CommandEncoder,
    gpu: Gpu,
    timer: Option<PassTimer>,
    /// The stages of the timed passes.
    stages: Vec<&'static str>,
    /// The stage that the next dispatch belongs to.
    stage: &'static str,
    /// Buffers that must not return to the pool before this is submitted.
    held: Vec<Buffer>,
    /// Uploads that this copies from.
    staged: Vec<Staged>,
    kernels: Vec<Arc<Kernel>>,
    groups: Arc<BindGroups>,
}

impl Encoder {
    /// `timed` asks for the time of each stage, at the price of one pass a stage.
    pub fn new(gpu: &Gpu, label: &str, timed: bool) -> Result<Encoder> {
        let encoder = gpu.scoped(label, || {
            let descriptor = wgpu::CommandEncoderDescriptor { label: Some(label) };
            gpu.device().create_command_encoder(&descriptor)
        })?;
        let timer = if timed { PassTimer::new(gpu, TIMED_PASSES)? } else { None };
        Ok(Encoder {
            pass: None,
            encoder,
            gpu: gpu.clone(),
            timer,
            stages: Vec::new(),
            stage: "",
            held: Vec::new(),
            staged: Vec::new(),
            kernels: Vec::new(),
            groups: gpu.state()?,
        })
    }

    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Names what the next dispatches do; their time is reported under this name.
    pub fn stage(&mut self, name: &'static str) {
        if self.timer.is_some() && name != self.stage {
            self.pass = None;
        }
        self.stage = name;
    }

    fn pass(&mut self) -> &mut wgpu::ComputePass<'static> {
        self.pass.get_or_insert_with(|| {
            let timestamp_writes = self.timer.as_ref().and_then(PassTimer::pass);
            if timestamp_writes.is_some() {
                self.stages.push(self.stage);
            }
            let descriptor =
                wgpu::ComputePassDescriptor { label: Some(self.stage), timestamp_writes };
            self.encoder.begin_compute_pass(&descriptor).forget_lifetime()
        })
    }

    /// Records one dispatch of `groups` workgroups; `params` are the shader's immediates, `buffers` its bindings by the names
    /// that they have there, in any order.
    ///
    /// # Errors
    /// `LimitExceeded` for too many workgroups or too large a binding: some drivers would answer with silent zeros.
    /// `Internal` for buffers or parameters that are not the shader's.
    pub fn dispatch<P: Params>(
        &mut self,
        variant: &Variant,
        buffers: &[Bind<'_>],
        params: &P,
        groups: [u32; 3],
    ) -> Result<()> {
        if groups.contains(&0) {
            return Ok(());
        }
        let kernel = kernel(&self.gpu, variant)?;
        if P::FIELDS != variant.params() {
            return Err(Error::internal(format!("{}: parameters of another", kernel.name())));
        }
        #[cfg(test)]
        {
            let rows = buffers.iter().find(|(name, _)| *name == "rows");
            let bytes = rows.map_or(0, |(_, rows)| rows.size());
            self.gpu.state::<super::Dispatched>()?.push(kernel.name(), bytes);
        }
        let buffers = bind(kernel.name(), &kernel.needs().bindings, buffers)?;
        self.check(&kernel, &buffers, groups)?;
        let group = self.group(&kernel, &buffers)?;
        let pass = self.pass();
        pass.set_pipeline(kernel.pipeline());
        pass.set_bind_group(0, &group, &[]);
        pass.set_immediates(0, bytemuck::bytes_of(params));
        pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        self.held.extend(buffers.into_iter().cloned());
        if !self.kernels.iter().any(|k| Arc::ptr_eq(k, &kernel)) {
            log::trace!("dispatch {}", kernel.name());
            self.kernels.push(kernel);
        }
        Ok(())
    }

    /// The bind group of these buffers: the one that was made before, if it is kept.
    fn group(&self, kernel: &Kernel, buffers: &[&Buffer]) -> Result<wgpu::BindGroup> {
        let mut key = Vec::with_capacity(1 + 3 * buffers.len());
        key.push(kernel.number());
        key.extend(buffers.iter().flat_map(|buffer| buffer.binding()));
        self.groups.get(&key, || {
            self.gpu.scoped(kernel.name(), || {
                let entries: Vec<_> = buffers.iter().enumerate().map(entry).collect();
                self.gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(kernel.name()),
                    layout: kernel.layout(),
                    entries: &entries,
                })
            })
        })
    }

    fn check(&self, kernel: &Kernel, buffers: &[&Buffer], groups: [u32; 3]) -> Result<()> {
        let caps = self.gpu.caps();
        let most = u64::from(groups.into_iter().max().unwrap_or(0));
        let limit = u64::from(caps.max_dispatch);
        if most > limit {
            let what = format!("workgroups of {}", kernel.name());
            return Err(Error::LimitExceeded { what, needed: most, limit });
        }
        match buffers.iter().find(|b| b.size() > caps.max_binding_bytes) {
            None => Ok(()),
            Some(b) => Err(Error::LimitExceeded {
                what: format!("bytes of binding {}", b.label()),
                needed: b.size(),
                limit: caps.max_binding_bytes,
            }),
        }
    }

    /// Fills a buffer with zeros.
    pub fn clear(&mut self, buffer: &Buffer) {
        self.pass = None;
        let bytes = buffer.is_part().then(|| buffer.size().next_multiple_of(4));
        self.encoder.clear_buffer(buffer.raw(), buffer.offset(), bytes);
        self.held.push(buffer.clone());
    }

    /// Writes zeros over some bytes; offset and length are multiples of 4.
    pub fn clear_part(&mut self, buffer: &Buffer, offset: u64, bytes: u64) {
        self.pass = None;
        self.encoder.clear_buffer(buffer.raw(), buffer.offset() + offset, Some(bytes));
        self.held.push(buffer.clone());
    }

    /// Copies bytes on the device; offsets and length are multiples of 4.
    pub fn copy(
        &mut self,
        from: &Buffer,
        from_offset: u64,
        to: &Buffer,
        to_offset: u64,
        bytes: u64,
    ) {
        self.pass = None;
        let (from_offset, to_offset) = (from.offset() + from_offset, to.offset() + to_offset);
        self.encoder.copy_buffer_to_buffer(from.raw(), from_offset, to.raw(), to_offset, bytes);
        self.held.extend([from.clone(), to.clone()]);
    }

    /// A pooled buffer with these bytes, and zeros up to the next multiple of 4. It ends the compute pass: upload before the
    /// first dispatch.
    pub fn upload(&mut self, label: &str, bytes: &[u8]) -> Result<Buffer> {
        let staged = self.gpu.stage(bytes)?;
        self.upload_staged(label, staged, bytes.len() as u64)
    }

    /// The same of the first bytes of what is staged.
    pub fn upload_staged(&mut self, label: &str, staged: Staged, bytes: u64) -> Result<Buffer> {
        let buffer = self.gpu.scratch(label, bytes)?;
        self.copy(staged.buffer(), 0, &buffer, 0, bytes.next_multiple_of(4));
        self.staged.push(staged);
        Ok(buffer)
    }

    /// Writes bytes, a multiple of 4, into a buffer. It ends the compute pass.
    pub fn write(&mut self, to: &Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        let staged = self.gpu.stage(bytes)?;
        self.copy(staged.buffer(), 0, to, offset, bytes.len() as u64);
        self.staged.push(staged);
        Ok(())
    }

    /// Submits, and brings parts of buffers to the host. The scratch buffers of the dispatches return to the pool here:
    /// there is one queue, so their next user's work comes behind this.
    pub fn submit(mut self, ranges: &[(&Buffer, u64, u64)]) -> Result<Flight> {
        self.pass = None;
        let mut encoder = self.encoder;
        if let Some(timer) = &self.timer {
            timer.resolve(&mut encoder);
        }
        let readback = self.gpu.readback(ranges, encoder)?;
        for staged in self.staged {
            staged.recycle(&self.gpu)?;
        }
        let trace = Trace::new(self.kernels, self.timer, self.stages);
        Ok(Flight::new(self.gpu, readback, trace))
    }
}

/// A buffer, and the name of the binding that it is for.
pub(crate) type Bind<'a> = (&'static str, &'a Buffer);

/// What was given, in the order of the kernel's bindings.
fn bind<'a, T>(kernel: &str, bindings: &[Binding], given: &[(&str, &'a T)]) -> Result<Vec<&'a T>> {
    let of = |name: &str| given.iter().find(|(of, _)| *of == name).map(|(_, buffer)| *buffer);
    let bound: Option<Vec<_>> = bindings.iter().map(|binding| of(&binding.name)).collect();
    bound.filter(|bound| bound.len() == given.len()).ok_or_else(|| {
        let asked: Vec<_> = bindings.iter().map(|binding| binding.name.as_str()).collect();
        let given: Vec<_> = given.iter().map(|(name, _)| *name).collect();
        Error::internal(format!("{kernel}: bindings {asked:?}, buffers {given:?}"))
    })
}

fn entry<'a>((binding, buffer): (usize, &&'a Buffer)) -> wgpu::BindGroupEntry<'a> {
    let size = std::num::NonZeroU64::new(buffer.size().next_multiple_of(4));
    let binding_of = wgpu::BufferBinding { buffer: buffer.raw(), offset: buffer.offset(), size };
    wgpu::BindGroupEntry {
        binding: binding as u32,
        resource: wgpu::BindingResource::Buffer(binding_of),
    }
}

/// Spreads `count` workgroups over two dimensions of a dispatch; the shader folds them back by the first number.
pub(crate) fn fold(gpu: &Gpu, count: u64) -> Result<[u32; 2]> {
    let most = u64::from(gpu.caps().max_dispatch);
    let y = count.div_ceil(most).max(1);
    if y > most {
        let what = "workgroups of one dispatch".to_owned();
        return Err(Error::LimitExceeded { what, needed: count, limit: most * most });
    }
    let x = count.div_ceil(y);
    Ok([x as u32, y as u32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_bound_by_name_in_any_order_and_none_too_many() {
        let binding = |name: &str| Binding { name: name.to_owned(), read_only: true };
        let bindings = [binding("rows"), binding("queries"), binding("out")];
        let order = |given: &[(&str, &'static u32)]| bind("k", &bindings, given);
        assert_eq!(order(&[("out", &3), ("rows", &1), ("queries", &2)]).unwrap(), [&1, &2, &3]);
        for wrong in [
            &[("rows", &1), ("queries", &2)][..],
            &[("rows", &1), ("queries", &2), ("bias", &3)],
            &[("rows", &1), ("queries", &2), ("out", &3), ("bias", &4)],
            &[("rows", &1), ("rows", &2), ("queries", &3), ("out", &4)],
        ] {
            let error = order(wrong).unwrap_err().to_string();
            assert!(error.contains("k: bindings"), "{error}");
        }
    }
}

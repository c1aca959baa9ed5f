//! A pattern in every buffer that nobody has written yet, to find kernels that read it.

use super::handle::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use std::sync::OnceLock;

/// As f32 about -6.3e18, as an index far outside: an answer made of it is wrong, and finite.
const PATTERN: u32 = 0xDEAD_BEEF;
const SOURCE_BYTES: u64 = 1 << 16;

#[derive(Default)]
struct Source(OnceLock<wgpu::Buffer>);

/// Fills the whole buffer, if the [`Gpu`] was built so.
pub(super) fn fill(gpu: &Gpu, buffer: &Buffer) -> Result<()> {
    if !gpu.settings().poison {
        return Ok(());
    }
    let state = gpu.state::<Source>()?;
    let source = match state.0.get() {
        Some(source) => source,
        None => {
            let made = gpu.scoped("poison", || make(gpu))?;
            state.0.get_or_init(|| made)
        }
    };
    gpu.scoped("poison", || {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        for offset in (0..buffer.raw().size()).step_by(SOURCE_BYTES as usize) {
            let bytes = SOURCE_BYTES.min(buffer.raw().size() - offset);
            encoder.copy_buffer_to_buffer(source, 0, buffer.raw(), offset, bytes);
        }
        gpu.queue().submit([encoder.finish()]);
    })
}

fn make(gpu: &Gpu) -> wgpu::Buffer {
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("poison"),
        size: SOURCE_BYTES,
        usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let words = vec![PATTERN; SOURCE_BYTES as usize / 4];
    gpu.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(&words));
    buffer
}

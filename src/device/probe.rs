//! Measures what drivers do not tell: Metal announces subgroups of 4 to 64 on hardware that has 32.

use super::health::Health;
use std::sync::mpsc;
use std::time::Duration;

/// The subgroup size of a kernel, or `None` when it does not run. To be called inside error scopes.
pub(super) fn subgroup_size(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    health: &Health,
) -> Option<u32> {
    let label = Some("probe");
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(include_str!("../../shaders/device/probe.wgsl").into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let buffer = |usage| {
        let size = 16;
        device.create_buffer(&wgpu::BufferDescriptor {
            label,
            size,
            usage,
            mapped_at_creation: false,
        })
    };
    let out = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
    let host = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: out.as_entire_binding() }],
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label });
    {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }
    encoder.copy_buffer_to_buffer(&out, 0, &host, 0, 16);
    let index = queue.submit([encoder.finish()]);
    let (sender, receiver) = mpsc::channel();
    host.map_async(wgpu::MapMode::Read, .., move |outcome| {
        // The receiver is gone only if the wait below ran out of time.
        let _ = sender.send(outcome);
    });
    health.wait(device, Some(&index), Duration::from_secs(20)).ok()?;
    receiver.recv_timeout(Duration::from_secs(1)).ok()?.ok()?;
    let bytes: [u8; 4] = host.get_mapped_range(..).ok()?.get(..4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes)).filter(|size| (1..=128).contains(size))
}

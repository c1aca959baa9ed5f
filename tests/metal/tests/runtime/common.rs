//! Kernels in WGSL, run once with one buffer in and one out.

use nearfield_metal::{Faults, Options, instance};
use wgpu::util::DeviceExt as _;

/// An adapter, its device and what its kernels did wrong.
pub struct Gpu {
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub faults: Faults,
}

/// `None`, counted, where there is no clang.
pub fn options() -> Option<Options> {
    let options = Options::new().inspect_err(|reason| println!("skipped: {reason} (1)")).ok()?;
    Some(Options { cache: concat!(env!("CARGO_TARGET_TMPDIR"), "/kernels").into(), ..options })
}

pub fn open(options: Options) -> Gpu {
    let faults = options.faults.clone();
    let instance = instance(options).unwrap();
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
            .unwrap();
    let descriptor = wgpu::DeviceDescriptor {
        required_features: adapter.features(),
        required_limits: adapter.limits(),
        // SAFETY: matrices, whose loads and stores are checked here.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    Gpu { adapter, device, queue, faults }
}

/// A kernel to run.
pub struct Kernel<'a> {
    /// It has `@group(0) @binding(0) var<storage, read> a: array<T>` and `@binding(1) var<storage, read_write> b: array<T>`.
    pub wgsl: &'a str,
    pub checked: bool,
    pub groups: u32,
    pub input: &'a [u8],
    pub output_bytes: u64,
}

impl Gpu {
    /// Waits for what was submitted, or for the loss of the device: of a loss wgpu's `poll` panics.
    pub fn settle(&self) {
        let wait = || self.device.poll(wgpu::PollType::wait_indefinitely());
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait));
    }

    /// As [`Gpu::run`], unchecked, one workgroup with as many words out as in.
    pub fn run_group<T: bytemuck::Pod>(&self, wgsl: &str, input: &[T]) -> Result<Vec<T>, String> {
        let input: &[u8] = bytemuck::cast_slice(input);
        let output_bytes = input.len() as u64;
        self.run(&Kernel { wgsl, checked: false, groups: 1, input, output_bytes })
            .map(|bytes| bytemuck::pod_collect_to_vec(&bytes))
    }

    /// What the kernel wrote, or what it did wrong.
    pub fn run(&self, kernel: &Kernel<'_>) -> Result<Vec<u8>, String> {
        let device = &self.device;
        let text = wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(kernel.wgsl.into()),
        };
        let checks = match kernel.checked {
            true => wgpu::ShaderRuntimeChecks::default(),
            false => wgpu::ShaderRuntimeChecks::unchecked(),
        };
        // SAFETY: accesses outside are found here.
        let module = unsafe { device.create_shader_module_trusted(text, checks) };
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("planted"),
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: kernel.checked,
                ..Default::default()
            },
            cache: None,
        });
        let input = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: kernel.input,
            usage: wgpu::BufferUsages::STORAGE,
        });
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: kernel.output_bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let output = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let back = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: input.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: output.as_entire_binding() },
            ],
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(kernel.groups, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&output, 0, &back, 0, kernel.output_bytes);
        self.queue.submit([encoder.finish()]);
        self.settle();
        if let Some(fault) = self.faults.list().pop() {
            return Err(fault);
        }
        back.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        Ok(back.get_mapped_range(..).unwrap().to_vec())
    }
}

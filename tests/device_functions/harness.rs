//! Runs a small kernel around a function of the shader library on the adapter that the crate chooses.

#[cfg(target_os = "linux")]
use crate::common::dx12;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use nearfield::Gpu;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use wgpu::util::DeviceExt;

/// Where the library lies below `shaders/`.
const LIBRARY: &str = "lib";

/// A kernel and what it reads. Its bindings are the inputs in their order, then the output.
pub struct Job<'a> {
    /// WGSL in the crate's template syntax; `{% include library("key") %}` is `key.wgsl` wherever the library has it.
    pub text: &'a str,
    pub constants: Value,
    pub inputs: &'a [&'a [u32]],
    /// Words of the output.
    pub output: usize,
    pub workgroups: u32,
}

/// Every file of the library: its path below `shaders/` and its text.
pub fn library() -> &'static [(String, String)] {
    static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let mut files = Vec::new();
        collect(&shaders(), &mut files);
        files.retain(|(path, _)| path.starts_with(&format!("{LIBRARY}/")));
        assert!(!files.is_empty(), "shaders/{LIBRARY} has no shaders");
        files
    });
    &FILES
}

fn shaders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "wgsl") {
            let below = path.strip_prefix(shaders()).expect("a path below shaders/");
            let name = below.to_str().expect("UTF-8").replace('\\', "/");
            files.push((name, std::fs::read_to_string(&path).expect("a readable shader")));
        }
    }
}

/// The same syntax as src/kernel/source.rs.
fn expand(text: &str, constants: &Value) -> String {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .line_statement_prefix("//%")
        .block_delimiters("{%", "%}")
        .build()
        .expect("valid delimiters");
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in library() {
        env.add_template(name, text).unwrap_or_else(|e| panic!("{name}: {e:#}"));
    }
    env.add_function("library", |name: String| {
        let file = format!("/{name}.wgsl");
        let found = library().iter().find(|(path, _)| path.ends_with(&file));
        let missing = || format!("shaders/{LIBRARY} has no {name}.wgsl");
        let error = || minijinja::Error::new(ErrorKind::TemplateNotFound, missing());
        found.map(|(path, _)| path.clone()).ok_or_else(error)
    });
    let next = AtomicU32::new(0);
    env.add_function("slot", move || next.fetch_add(1, Ordering::Relaxed));
    env.render_str(text, constants).unwrap_or_else(|e| panic!("{e:#}\n{text}"))
}

struct Driver {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// The adapter of `Gpu::new`, with the limits that it has there; `None` where there is none.
static DRIVER: LazyLock<Option<Driver>> = LazyLock::new(|| {
    let gpu = Gpu::new().ok()?;
    let caps = gpu.caps();
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    #[cfg(target_os = "linux")]
    if dx12::wanted() {
        descriptor.flags |= dx12::FLAGS;
    }
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    let chosen = |adapter: &wgpu::Adapter| {
        let info = adapter.get_info();
        info.name == caps.name
            && format!("{:?}", info.backend).to_lowercase() == caps.backend.to_string()
    };
    let adapter = adapters.into_iter().find(chosen).expect("the adapter that the crate opened");
    let limits = wgpu::Limits {
        max_compute_invocations_per_workgroup: caps.max_workgroup_threads,
        max_compute_workgroup_size_x: caps.max_workgroup_threads,
        ..wgpu::Limits::default()
    };
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("device functions"),
        required_limits: limits,
        ..wgpu::DeviceDescriptor::default()
    };
    #[cfg(target_os = "linux")]
    if dx12::wanted() {
        let (device, queue) = dx12::request_device(&adapter, &descriptor).expect("a device");
        return Some(Driver { device, queue });
    }
    let (device, queue) =
        pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
    Some(Driver { device, queue })
});

/// The threads that a workgroup may have, and 0 without an adapter.
pub fn max_threads() -> u32 {
    DRIVER.as_ref().map_or(0, |d| d.device.limits().max_compute_invocations_per_workgroup)
}

/// What the kernel writes, with checks and without, each with its name; nothing, and a skip that is counted, where there
/// is no adapter.
pub fn run(job: &Job<'_>) -> Vec<(&'static str, Vec<u32>)> {
    let Some(driver) = DRIVER.as_ref() else {
        println!("skipped: no adapter (1)");
        return Vec::new();
    };
    println!("count: device_functions.kernels 2");
    let wgsl = expand(job.text, &job.constants);
    [("checked", true), ("unchecked", false)]
        .map(|(name, checked)| (name, driver.run(job, &wgsl, checked)))
        .into()
}

impl Driver {
    fn run(&self, job: &Job<'_>, wgsl: &str, checked: bool) -> Vec<u32> {
        let device = &self.device;
        let source = wgpu::ShaderSource::Wgsl(wgsl.into());
        let descriptor = wgpu::ShaderModuleDescriptor { label: None, source };
        let module = if checked {
            device.create_shader_module(descriptor)
        } else {
            // SAFETY: the kernels of these tests index within their bindings, which the run with checks shows first.
            unsafe {
                device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            }
        };
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: checked,
            },
            cache: None,
        });
        let usage = wgpu::BufferUsages::STORAGE;
        let input = |words: &&[u32]| {
            let contents = bytemuck::cast_slice(words);
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents,
                usage,
            })
        };
        let mut buffers: Vec<wgpu::Buffer> = job.inputs.iter().map(input).collect();
        // What nobody writes is seen as such.
        let unwritten = vec![0xdead_beef_u32; job.output];
        buffers.push(device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: None,
            contents: bytemuck::cast_slice(&unwritten),
            usage: usage | wgpu::BufferUsages::COPY_SRC,
        }));
        let entries: Vec<_> = (0..)
            .zip(&buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let back = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (job.output * 4) as u64,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(job.workgroups, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&buffers[buffers.len() - 1], 0, &back, 0, back.size());
        self.queue.submit([encoder.finish()]);
        back.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("a mapped buffer"));
        device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
        let words = back.get_mapped_range(..).expect("a mapped range").to_vec();
        bytemuck::pod_collect_to_vec(&words)
    }
}

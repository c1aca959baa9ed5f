//! Pipelines, compiled once a device and kept; the driver's own cache is kept on disk where the adapter can.

use super::reflect::{Binding, Needs, reflect};
use super::source::expand;
use super::variant::Variant;
use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::format::AtomicFile;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Instant;

/// A compiled variant.
pub(crate) struct Kernel {
    /// Which no other kernel of the process has.
    number: u64,
    name: String,
    /// A user's text that is a part of it.
    foreign: String,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    needs: Needs,
}

impl Kernel {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn pipeline(&self) -> &wgpu::ComputePipeline {
        &self.pipeline
    }

    pub(super) fn layout(&self) -> &wgpu::BindGroupLayout {
        &self.layout
    }

    pub(super) fn needs(&self) -> &Needs {
        &self.needs
    }
}

/// The kernels of one device.
#[derive(Default)]
struct Cache {
    /// By the variant's name; those that share it differ in the user's text.
    kernels: Mutex<HashMap<String, Vec<Arc<Kernel>>>>,
    /// Opened by the first compilation; the inner `None` where the adapter has no such cache.
    disk: Mutex<Option<Option<Disk>>>,
}

impl Cache {
    fn disk(&self, gpu: &Gpu) -> Result<Option<Disk>> {
        let mut disk = lock(&self.disk);
        if let Some(opened) = &*disk {
            return Ok(opened.clone());
        }
        Ok(disk.insert(open_disk(gpu)?).clone())
    }
}

/// The driver's cache of machine code and where it is kept.
#[derive(Clone)]
struct Disk {
    cache: wgpu::PipelineCache,
    path: PathBuf,
}

/// The kernel of a variant, compiled at its first use.
///
/// # Errors
/// `LimitExceeded` when the adapter cannot run it, `Shader` or `Internal` when it does not compile.
pub(crate) fn kernel(gpu: &Gpu, variant: &Variant) -> Result<Arc<Kernel>> {
    let cache = gpu.common_state::<Cache>()?;
    let same = |kernel: &&Arc<Kernel>| kernel.foreign == variant.foreign_text();
    let known = lock(&cache.kernels);
    if let Some(kernel) = known.get(variant.name()).and_then(|all| all.iter().find(same)) {
        return Ok(Arc::clone(kernel));
    }
    drop(known);
    // Compiled without a lock, so that nobody waits who needs a kernel that is there, and several threads compile at a time; two
    // may compile the same variant, and one copy is kept.
    let start = Instant::now();
    let kernel = Arc::new(compile(gpu, &cache, variant)?);
    log::debug!("compiled {} in {:.1} ms", variant.name(), start.elapsed().as_secs_f64() * 1e3);
    let mut known = lock(&cache.kernels);
    let all = known.entry(variant.name().to_owned()).or_default();
    if let Some(other) = all.iter().find(same) {
        return Ok(Arc::clone(other));
    }
    all.push(Arc::clone(&kernel));
    Ok(kernel)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_limits(gpu: &Gpu, name: &str, needs: &Needs) -> Result<()> {
    let caps = gpu.caps();
    let rules = [
        ("threads of a workgroup", needs.threads, caps.max_workgroup_threads),
        ("bytes of workgroup memory", needs.workgroup_bytes, caps.max_workgroup_memory),
        ("storage buffers", needs.bindings.len() as u32, caps.max_storage_buffers),
        ("bytes of immediates", needs.immediate_bytes, caps.max_immediate_bytes),
    ];
    match rules.iter().find(|(_, needed, limit)| needed > limit) {
        None => Ok(()),
        Some(&(what, needed, limit)) => Err(Error::LimitExceeded {
            what: format!("{what} of kernel {name}"),
            needed: needed.into(),
            limit: limit.into(),
        }),
    }
}

fn compile(gpu: &Gpu, cache: &Cache, variant: &Variant) -> Result<Kernel> {
    let name = variant.name().to_owned();
    let wgsl = expand(variant)?;
    let needs = reflect(&name, &wgsl)?;
    variant.check(&needs)?;
    check_limits(gpu, &name, &needs)?;
    let checked = gpu.checked() || !variant.trusted();
    let disk = cache.disk(gpu)?;
    let (layout, pipeline) = gpu.scoped(&name, || {
        let device = gpu.device();
        let source = wgpu::ShaderSource::Wgsl(wgsl.as_str().into());
        let descriptor = wgpu::ShaderModuleDescriptor { label: Some(&name), source };
        let module = if checked {
            device.create_shader_module(descriptor)
        } else {
            let checks = wgpu::ShaderRuntimeChecks::unchecked();
            // SAFETY: our own shaders index within their bindings and end their loops; the tests run every variant
            // with all checks on as well, and a user's text never comes here.
            unsafe { device.create_shader_module_trusted(descriptor, checks) }
        };
        let entries: Vec<_> = needs.bindings.iter().enumerate().map(entry).collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(&name),
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(&name),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: needs.immediate_bytes,
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&name),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                // a user's text has no workgroup memory of its own, and one thread would fill all of ours
                zero_initialize_workgroup_memory: gpu.checked(),
            },
            cache: disk.as_ref().map(|disk| &disk.cache),
        });
        (layout, pipeline)
    })?;
    if let Some(disk) = disk.as_ref() {
        save_disk(disk);
    }
    let foreign = variant.foreign_text().to_owned();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Ok(Kernel { number, name, foreign, pipeline, layout, needs })
}

fn entry((binding, of): (usize, &Binding)) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: of.read_only },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

fn open_disk(gpu: &Gpu) -> Result<Option<Disk>> {
    let caps = gpu.caps();
    let Some(dir) = gpu.cache_dir() else { return Ok(None) };
    // Two drivers of one adapter with the same checksum overwrite each other's file, which costs time alone: wgpu takes only what
    // has this driver's own identity in its header.
    let driver = crc32fast::hash(format!("{} {}", caps.name, caps.driver).as_bytes());
    let path =
        dir.join(format!("{:x}-{:x}-{driver:08x}.pipelines", caps.vendor_id, caps.device_id));
    let data = std::fs::read(&path).ok();
    gpu.scoped("pipeline cache", || {
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("pipelines"),
            data: data.as_deref(),
            fallback: true,
        };
        // SAFETY: the data is what a driver gave us, kept under a name made of adapter and driver; wgpu checks its
        // header, and `fallback` starts an empty cache where it does not fit.
        let cache = unsafe { gpu.device().create_pipeline_cache(&descriptor) };
        Some(Disk { cache, path })
    })
}

/// A cache that cannot be written costs time, not answers: failures are logged only.
fn save_disk(disk: &Disk) {
    let Some(data) = disk.cache.get_data() else { return };
    let write = || -> Result<()> {
        if let Some(dir) = disk.path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
        }
        let mut file = AtomicFile::create(&disk.path)?;
        file.write(&data)?;
        file.finish()
    };
    if let Err(e) = write() {
        // once: each kernel that follows fails alike
        static TOLD: Once = Once::new();
        TOLD.call_once(|| log::info!("compiled pipelines cannot be kept: {e}"));
    }
}

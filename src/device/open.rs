//! From an adapter to a [`Gpu`].

use super::adapter::driver;
use super::backend::{Backend, DeviceType};
use super::caps::Caps;
use super::coop::CoopShape;
use super::gpu::{Gpu, Inner, Settings, States};
use super::health::{Health, in_scopes};
use super::memory::Ledger;
use super::options::{Disable, Options};
use super::poller::Poller;
use super::profile::Profile;
use super::{cache_dir, heap, probe};
use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once};

/// Bytes of immediate data that kernels use at most.
const IMMEDIATE_BYTES: u32 = 128;

/// What a forced limit of bindings leaves at least: some kernels have tables that no cut makes smaller.
const LEAST_BINDING: u64 = 64 << 10;

/// The budget where the driver does not say how much memory there is.
const UNKNOWN_HEAP_BUDGET: u64 = 2 << 30;

impl Gpu {
    /// The features to open a device with before [`Gpu::adopt`]: those of the adapter that kernels can use.
    ///
    /// `EXPERIMENTAL_COOPERATIVE_MATRIX` among them needs wgpu's `ExperimentalFeatures`.
    pub fn required_features(adapter: &wgpu::Adapter) -> wgpu::Features {
        features(adapter, &Disable::default())
    }

    /// The limits to open a device with before [`Gpu::adopt`]: the adapter's own.
    pub fn required_limits(adapter: &wgpu::Adapter) -> wgpu::Limits {
        adapter.limits()
    }
}

/// Opens the first of `adapters` whose driver lets it be opened.
pub(super) fn open(adapters: Vec<wgpu::Adapter>, options: &Options) -> Result<Gpu> {
    let mut failure = None;
    for adapter in adapters {
        match open_one(&adapter, options) {
            Ok(gpu) => return Ok(gpu),
            Err(error @ Error::Internal { .. }) => {
                log::warn!("{}: {error}", adapter.get_info().name);
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| Error::internal("no adapter to open")))
}

fn open_one(adapter: &wgpu::Adapter, options: &Options) -> Result<Gpu> {
    let info = adapter.get_info();
    if info.device_type == wgpu::DeviceType::Cpu && options.adapter.is_none() {
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            log::warn!(
                "no GPU found: running on {}, a software driver, which is slow; NEARFIELD_ADAPTER chooses another",
                info.name
            );
        });
    }
    let disable = options.disable.clone().unwrap_or_default();
    let wanted = features(adapter, &disable);
    let mut limits = adapter.limits();
    if disable.baseline() {
        limits = limits.or_worse_values_from(&wgpu::Limits::default());
        limits.max_immediate_size = IMMEDIATE_BYTES;
    }
    let coop = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    let (device, queue) = request(adapter, wanted, &limits).or_else(|error| {
        if !wanted.contains(coop) {
            return Err(error);
        }
        log::warn!("{}: opened without matrix units: {error}", info.name);
        request(adapter, wanted - coop, &limits)
    })?;
    let health = Arc::new(Health::default());
    let seen = Arc::clone(&health);
    device.on_uncaptured_error(Arc::new(move |error| seen.uncaptured(&error)));
    let seen = Arc::clone(&health);
    device.set_device_lost_callback(move |reason, message| {
        seen.lose(&format!("{message} ({reason:?})"));
    });
    assemble(adapter, device, queue, health, options)
}

/// As [`open`], of a device that the application opened.
pub(super) fn adopt(
    adapter: &wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    options: &Options,
) -> Result<Gpu> {
    let mut gpu = assemble(adapter, device, queue, Arc::default(), options)?;
    if let Some(inner) = Arc::get_mut(&mut gpu.inner) {
        inner.settings.adopted = true;
    }
    Ok(gpu)
}

/// What kernels can use of an adapter's features.
fn features(adapter: &wgpu::Adapter, disable: &Disable) -> wgpu::Features {
    let mut wanted = wgpu::Features::IMMEDIATES;
    let optional = [
        ("subgroup", wgpu::Features::SUBGROUP),
        ("f16", wgpu::Features::SHADER_F16),
        ("timestamp", wgpu::Features::TIMESTAMP_QUERY),
        ("cache", wgpu::Features::PIPELINE_CACHE),
    ];
    for (name, feature) in optional {
        if !disable.has(name) {
            wanted |= feature;
        }
    }
    if !disable.has("coop") && coop_is_there(adapter) {
        wanted |= wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    }
    wanted & adapter.features()
}

/// Whether the driver will accept cooperative matrices. wgpu trusts the list of shapes and panics when the driver then
/// refuses the feature: lavapipe lists shapes whatever its subgroups are, and refuses the feature where they have 4 lanes.
fn coop_is_there(adapter: &wgpu::Adapter) -> bool {
    let shapes = adapter.cooperative_matrix_properties();
    let info = adapter.get_info();
    // Metal announces 4 lanes on hardware that has 32.
    let wide = info.subgroup_min_size >= 8 || info.backend == wgpu::Backend::Metal;
    wide && shapes.iter().any(|p| CoopShape::from_wgpu(p).is_some())
}

fn request(
    adapter: &wgpu::Adapter,
    features: wgpu::Features,
    limits: &wgpu::Limits,
) -> Result<(wgpu::Device, wgpu::Queue)> {
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("nearfield"),
        required_features: features,
        required_limits: limits.clone(),
        // SAFETY: the one experimental feature in use, cooperative matrices, reads and writes inside of arrays whose
        // sizes the kernels fix, and the test suite runs them with every check on.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        // Buffers are large and pooled here: small blocks waste less than large ones save.
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        trace: wgpu::Trace::Off,
    };
    let opened =
        catch_unwind(AssertUnwindSafe(|| pollster::block_on(adapter.request_device(&descriptor))));
    match opened {
        Ok(Ok(pair)) => Ok(pair),
        Ok(Err(e)) => Err(Error::internal(format!("the device did not open: {e}"))),
        Err(_) => Err(Error::internal("the driver failed while the device was opened")),
    }
}

/// Measures what the device can do, chooses its profile and budget, and makes the handle.
fn assemble(
    adapter: &wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    health: Arc<Health>,
    options: &Options,
) -> Result<Gpu> {
    if !device.features().contains(wgpu::Features::IMMEDIATES) {
        let help = if adapter.features().contains(wgpu::Features::IMMEDIATES) {
            "the device was opened without it; Gpu::required_features and Gpu::required_limits say what to open it with"
        } else {
            "the adapter does not have it; another backend or a newer driver may"
        };
        return Err(Error::MissingFeature { feature: "IMMEDIATES".into(), help });
    }
    let limits = device.limits();
    if limits.max_immediate_size < IMMEDIATE_BYTES {
        return Err(Error::LimitExceeded {
            what: "max_immediate_size of the device, which Gpu::required_limits says".into(),
            needed: IMMEDIATE_BYTES.into(),
            limit: limits.max_immediate_size.into(),
        });
    }
    let disable = options.disable.clone().unwrap_or_default();
    let caps = capabilities(adapter, &device, &queue, &health, &disable, &options.force_coop);
    health.check()?;
    handle(device, queue, caps, health, Arc::default(), options)
}

/// As [`open`], on the device of another handle, with its kernels where they are compiled alike.
pub(super) fn beside(other: &Gpu, options: &Options) -> Result<Gpu> {
    let inner = &other.inner;
    let (device, queue) = (inner.device.clone(), inner.queue.clone());
    let mut caps = inner.caps.clone();
    caps.max_binding_bytes = device.limits().max_storage_buffer_binding_size;
    let alike = inner.settings.checked == options.checked.unwrap_or(false);
    let common = if alike { Arc::clone(&inner.common) } else { Arc::default() };
    handle(device, queue, caps, Arc::clone(&inner.health), common, options)
}

/// A handle of a device of which all is known.
fn handle(
    device: wgpu::Device,
    queue: wgpu::Queue,
    mut caps: Caps,
    health: Arc<Health>,
    common: Arc<States>,
    options: &Options,
) -> Result<Gpu> {
    if let Some(bytes) = options.max_binding_bytes {
        caps.max_binding_bytes = caps.max_binding_bytes.min(bytes.max(LEAST_BINDING) / 4 * 4);
    }
    let profile = Profile::load(&caps, options.profile.as_deref(), &options.settings)?;
    let budget = options.memory_budget.unwrap_or_else(|| default_budget(&caps));
    if let Some(heap) = caps.heap_bytes.filter(|&heap| heap < budget) {
        log::warn!("{}: a budget of {budget} bytes, the driver tells of {heap}", caps.name);
    }
    log::info!(
        "{} ({}), subgroups of {}, f16 {}, {} matrix shapes, profile {}, budget {} bytes",
        caps.name,
        caps.backend,
        caps.subgroup_size.map_or_else(|| "an unknown size".to_owned(), |size| size.to_string()),
        caps.f16,
        caps.coop.len(),
        profile.name(),
        budget
    );
    let settings = Settings {
        max_segment_bytes: options.max_segment_bytes,
        poison: options.poison.unwrap_or(false),
        checked: options.checked.unwrap_or(false),
        adopted: false,
    };
    let cache_dir = if caps.pipeline_cache { cache_dir::choose(options)? } else { None };
    let poller = Poller::new(device.clone(), Arc::clone(&health));
    let (ledger, states) = (Arc::new(Ledger::new(budget)), Mutex::default());
    let traffic = Arc::default();
    let inner = Inner {
        device,
        queue,
        caps,
        profile,
        cache_dir,
        ledger,
        health,
        poller,
        traffic,
        settings,
        states,
        common,
    };
    Ok(Gpu { inner: Arc::new(inner) })
}

fn default_budget(caps: &Caps) -> u64 {
    match caps.heap_bytes {
        Some(bytes) => bytes / 5 * 4,
        None => {
            log::warn!(
                "{} does not tell its memory: the budget is {UNKNOWN_HEAP_BUDGET} bytes; NEARFIELD_MEMORY_BUDGET sets it",
                caps.name
            );
            UNKNOWN_HEAP_BUDGET
        }
    }
}

fn capabilities(
    adapter: &wgpu::Adapter,
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    health: &Health,
    disable: &Disable,
    force_coop: &[CoopShape],
) -> Caps {
    let (info, features, limits) = (adapter.get_info(), device.features(), device.limits());
    let has = |name: &str, feature| features.contains(feature) && !disable.has(name);
    let mut subgroup_size = None;
    if has("subgroup", wgpu::Features::SUBGROUP) {
        let (size, error) = in_scopes(device, || probe::subgroup_size(device, queue, health));
        subgroup_size = size.filter(|_| error.is_none());
        if subgroup_size.is_none() {
            let why = error.map_or_else(|| "no answer".into(), |e| e.to_string());
            log::warn!(
                "{}: subgroups are left unused, their size cannot be measured: {why}",
                info.name
            );
        }
    }
    let mut coop = Vec::new();
    if has("coop", wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) && subgroup_size.is_some() {
        let listed = adapter.cooperative_matrix_properties();
        coop.extend(listed.iter().filter_map(CoopShape::from_wgpu));
        coop.extend_from_slice(force_coop);
        let mut seen = std::collections::HashSet::new();
        coop.retain(|shape| seen.insert(*shape));
    }
    Caps {
        driver: driver(&info),
        name: info.name,
        pci: info.device_pci_bus_id,
        backend: Backend::from_wgpu(info.backend),
        device_type: DeviceType::from_wgpu(info.device_type),
        vendor_id: info.vendor,
        device_id: info.device,
        software: info.device_type == wgpu::DeviceType::Cpu,
        subgroup_size,
        subgroup_min: info.subgroup_min_size,
        subgroup_max: info.subgroup_max_size,
        f16: has("f16", wgpu::Features::SHADER_F16),
        coop,
        timestamps: has("timestamp", wgpu::Features::TIMESTAMP_QUERY),
        pipeline_cache: has("cache", wgpu::Features::PIPELINE_CACHE),
        max_workgroup_threads: limits
            .max_compute_invocations_per_workgroup
            .min(limits.max_compute_workgroup_size_x),
        max_workgroup_memory: limits.max_compute_workgroup_storage_size,
        max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        max_dispatch: limits.max_compute_workgroups_per_dimension,
        max_immediate_bytes: limits.max_immediate_size,
        storage_alignment: limits.min_storage_buffer_offset_alignment,
        heap_bytes: heap::device_local_bytes(adapter),
    }
}

//! Which adapters there are, and which one is taken.

use super::backend::{Backend, DeviceType};
use super::driver_help;
use super::options::Options;
use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt;
use std::sync::OnceLock;

/// One adapter of the machine, from [`Gpu::adapters`](crate::Gpu::adapters).
///
/// `Serialize` writes the fields under their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdapterSummary {
    /// Its place in the list.
    pub index: usize,
    /// Its name, as the driver gives it.
    pub name: String,
    /// The API it is driven through.
    pub backend: Backend,
    /// Discrete, integrated, ...
    pub device_type: DeviceType,
    /// Name and version of the driver.
    pub driver: String,
    /// Where it is on the PCI bus, as `0000:41:00.0`: tells equal cards apart. Empty where the driver does not say, or it is
    /// on no such bus.
    pub pci: String,
}

impl AdapterSummary {
    fn new(index: usize, info: &wgpu::AdapterInfo) -> Self {
        AdapterSummary {
            index,
            name: info.name.clone(),
            backend: Backend::from_wgpu(info.backend),
            device_type: DeviceType::from_wgpu(info.device_type),
            driver: driver(info),
            pci: info.device_pci_bus_id.clone(),
        }
    }
}

impl fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}, {})", self.index, self.name, self.backend, self.device_type)?;
        if !self.driver.is_empty() {
            write!(f, ", {}", self.driver)?;
        }
        if self.pci.is_empty() { Ok(()) } else { write!(f, ", PCI {}", self.pci) }
    }
}

/// Name and version of the driver in one string.
pub(super) fn driver(info: &wgpu::AdapterInfo) -> String {
    [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned()
}

/// What was asked for as an adapter.
#[derive(Debug)]
enum Wanted {
    /// The adapter at this place.
    Place(String),
    /// Those whose name or driver contains the text, or whose place on the bus it is; in lower case.
    Text(String),
}

impl Wanted {
    /// Any number is meant for a place, whatever names and versions have it in them.
    fn parse(text: &str) -> Result<Wanted> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            let reason =
                "an empty text names none: a place of the list, a part of a name, or a PCI id";
            return Err(Error::argument("adapter", reason));
        }
        let number = text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit());
        Ok(if number { Wanted::Place(text) } else { Wanted::Text(text) })
    }

    fn fits(&self, adapter: &AdapterSummary) -> bool {
        match self {
            Wanted::Place(place) => *place == adapter.index.to_string(),
            Wanted::Text(text) => {
                let contains = |name: &str| name.to_lowercase().contains(text);
                let bus = adapter.pci.to_lowercase();
                // Most machines have one domain, which people leave out.
                let at_bus = bus == *text || bus.strip_prefix("0000:") == Some(text);
                at_bus || contains(&adapter.name) || contains(&adapter.driver)
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Place(place) => write!(f, " at place {place}"),
            Wanted::Text(text) => write!(f, " matching {text:?}"),
        }
    }
}

/// Every adapter, the preferred one first.
pub(super) fn list() -> Result<Vec<AdapterSummary>> {
    let adapters = enumerate();
    if adapters.is_empty() {
        return Err(none(String::new(), &[]));
    }
    Ok(summaries(&adapters))
}

/// The adapters that fit the options, the best first; at least one.
pub(super) fn choose(options: &Options) -> Result<Vec<wgpu::Adapter>> {
    let adapters = enumerate();
    let listed = summaries(&adapters);
    let backend_fits = |s: &AdapterSummary| options.backend.is_none_or(|b| b == s.backend);
    let wanted = options.adapter.as_deref().map(Wanted::parse).transpose()?;
    let name_fits = |s: &AdapterSummary| wanted.as_ref().is_none_or(|wanted| wanted.fits(s));
    let mut chosen = Vec::new();
    for (adapter, summary) in adapters.into_iter().zip(&listed) {
        if backend_fits(summary) && name_fits(summary) {
            chosen.push(adapter);
        }
    }
    if chosen.is_empty() {
        let mut wanted = wanted.map_or_else(String::new, |wanted| wanted.to_string());
        if let Some(backend) = options.backend {
            wanted += &format!(" on {backend}");
        }
        return Err(none(wanted, &listed));
    }
    Ok(chosen)
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    // wgpu's own variables (WGPU_VALIDATION=1 and so on) still work. Checking indirect dispatches on the device would
    // also clamp every limit below 4 GiB; this crate makes no indirect dispatch.
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    let instance = wgpu::Instance::new(descriptor);
    // The first stays as long as the process: with the last one the driver is unloaded, and a thread that has used it and ends
    // later, as those of an executor do, would run what is no longer there (a crash, once in some hundred runs).
    static KEPT: OnceLock<wgpu::Instance> = OnceLock::new();
    KEPT.get_or_init(|| instance.clone());
    let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
    adapters.sort_by_key(|a| {
        let info = a.get_info();
        // One GPU may be there twice: matrix units are reached through Metal and Vulkan only.
        let dx12 = info.backend == wgpu::Backend::Dx12;
        (DeviceType::from_wgpu(info.device_type), dx12)
    });
    adapters
}

fn summaries(adapters: &[wgpu::Adapter]) -> Vec<AdapterSummary> {
    let infos = adapters.iter().map(wgpu::Adapter::get_info);
    infos.enumerate().map(|(i, info)| AdapterSummary::new(i, &info)).collect()
}

fn none(wanted: String, present: &[AdapterSummary]) -> Error {
    let help = driver_help::text();
    if present.is_empty() {
        return Error::NoAdapter { wanted, help };
    }
    let names: Vec<_> = present.iter().map(ToString::to_string).collect();
    let names = names.join("; ");
    Error::NoAdapter { wanted, help: format!("there are [{names}]\nfor another, {help}") }
}

#[cfg(test)]
#[path = "adapter_tests.rs"]
mod tests;

//! The names of what adapters are: the API that drives one, and what kind of device it is.

use crate::error::{Error, Result};
use crate::names::{folded, suggestion};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// The API that drives an adapter.
///
/// `Serialize` writes what `Display` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Linux, Windows, Android.
    Vulkan,
    /// macOS, iOS.
    Metal,
    /// Windows.
    Dx12,
    /// Another one, of an adopted device.
    Other,
}

impl Backend {
    pub(super) fn from_wgpu(backend: wgpu::Backend) -> Self {
        match backend {
            wgpu::Backend::Vulkan => Backend::Vulkan,
            wgpu::Backend::Metal => Backend::Metal,
            wgpu::Backend::Dx12 => Backend::Dx12,
            _ => Backend::Other,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Vulkan => "vulkan",
            Backend::Metal => "metal",
            Backend::Dx12 => "dx12",
            Backend::Other => "other",
        })
    }
}

/// Reads `vulkan` (`vk`), `metal` (`mtl`) and `dx12` (`d3d12`, `directx12`), in any case.
///
/// # Errors
/// `InvalidArgument` with the backends that are known.
///
/// # Example
/// ```
/// use nearfield::Backend;
/// assert_eq!("D3D12".parse::<Backend>()?, Backend::Dx12);
/// # Ok::<(), nearfield::Error>(())
/// ```
impl FromStr for Backend {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        match &*folded(s.trim()) {
            "vulkan" | "vk" => Ok(Backend::Vulkan),
            "metal" | "mtl" => Ok(Backend::Metal),
            "dx12" | "d3d12" | "directx12" => Ok(Backend::Dx12),
            word => {
                let near = suggestion(word, ["vulkan", "metal", "dx12"]);
                Err(Error::argument(
                    "backend",
                    format!("{s:?} is none of vulkan, metal, dx12{near}"),
                ))
            }
        }
    }
}

/// The kind of an adapter, in the order in which they are preferred.
///
/// `Serialize` writes what `Display` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    /// A card with memory of its own.
    Discrete,
    /// Shares the processor's memory, as Apple Silicon does.
    Integrated,
    /// Of a virtual machine.
    Virtual,
    /// Unknown.
    Other,
    /// A driver that runs on the processor.
    Software,
}

impl DeviceType {
    pub(super) fn from_wgpu(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => DeviceType::Discrete,
            wgpu::DeviceType::IntegratedGpu => DeviceType::Integrated,
            wgpu::DeviceType::VirtualGpu => DeviceType::Virtual,
            wgpu::DeviceType::Cpu => DeviceType::Software,
            wgpu::DeviceType::Other => DeviceType::Other,
        }
    }
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceType::Discrete => "discrete",
            DeviceType::Integrated => "integrated",
            DeviceType::Virtual => "virtual",
            DeviceType::Other => "other",
            DeviceType::Software => "software",
        })
    }
}

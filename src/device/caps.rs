//! What an adapter can do.

use super::backend::{Backend, DeviceType};
use super::coop::CoopShape;
use crate::dtype::DType;
use serde::Serialize;

/// What the adapter of a [`Gpu`](crate::Gpu) can do, from [`Gpu::caps`](crate::Gpu::caps).
///
/// Features taken away with `NEARFIELD_DISABLE` are missing here.
///
/// `Serialize` writes the fields under their names, as `nearfield devices --json` shows them; a shape of
/// [`coop`](Self::coop) is an object, and what is `None` is null.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Caps {
    /// The adapter's name, as its driver gives it.
    pub name: String,
    /// The API it is driven through.
    pub backend: Backend,
    /// Discrete, integrated, ...
    pub device_type: DeviceType,
    /// Name and version of the driver.
    pub driver: String,
    /// Where it is on the PCI bus, as [`AdapterSummary::pci`](crate::AdapterSummary::pci).
    pub pci: String,
    /// The vendor's PCI id, or what the backend has in its place.
    pub vendor_id: u32,
    /// The device's PCI id, or what the backend has in its place.
    pub device_id: u32,
    /// Whether it is a software driver.
    pub software: bool,
    /// Threads of a subgroup, measured by a kernel; `None` without subgroup operations.
    pub subgroup_size: Option<u32>,
    /// The smallest subgroup the driver announces.
    pub subgroup_min: u32,
    /// The largest subgroup the driver announces.
    pub subgroup_max: u32,
    /// Whether shaders compute in f16.
    pub f16: bool,
    /// Matrix units: the square shapes that WGSL can express.
    pub coop: Vec<CoopShape>,
    /// Whether passes can be timed on the device.
    pub timestamps: bool,
    /// Whether compiled pipelines can be kept on disk.
    pub pipeline_cache: bool,
    /// Threads of a workgroup.
    pub max_workgroup_threads: u32,
    /// Bytes of workgroup memory.
    pub max_workgroup_memory: u32,
    /// Storage buffers of a kernel.
    pub max_storage_buffers: u32,
    /// Bytes of a buffer that a kernel sees.
    pub max_binding_bytes: u64,
    /// Bytes of a buffer.
    pub max_buffer_bytes: u64,
    /// Workgroups in each dimension of a dispatch.
    pub max_dispatch: u32,
    /// Bytes of immediate data.
    pub max_immediate_bytes: u32,
    /// Alignment of the offset of a storage binding.
    pub storage_alignment: u32,
    /// Bytes of the largest device-local heap, where the driver tells.
    pub heap_bytes: Option<u64>,
}

impl Caps {
    /// The edge of the largest matrices of `input` that kernels multiply into f32; `None` without such matrices.
    pub fn matrix_edge(&self, input: DType) -> Option<u32> {
        let usable = |s: &&CoopShape| s.input == input && s.accumulator == DType::F32;
        let shapes = self.coop.iter().filter(usable).map(|s| s.m);
        shapes.max().filter(|_| self.f16 || input == DType::F32)
    }
}

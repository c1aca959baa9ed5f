//! What an adapter can do.

use super::adapter::{Backend, DeviceType};
use crate::dtype::DType;
use crate::error::{Error, Result};
use std::fmt;

/// What the adapter of a [`Gpu`](crate::Gpu) can do, from [`Gpu::caps`](crate::Gpu::caps).
///
/// Features taken away with `NEARFIELD_DISABLE` are missing here.
#[derive(Clone, Debug)]
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

/// One shape of the matrix units: an m x k by k x n product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CoopShape {
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result.
    pub n: u32,
    /// The summed dimension.
    pub k: u32,
    /// Type of the factors.
    pub input: DType,
    /// Type of the sums.
    pub accumulator: DType,
}

impl fmt::Display for CoopShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}:{}:{}", self.m, self.n, self.k, self.input, self.accumulator)
    }
}

impl CoopShape {
    /// The shape, if WGSL has a type for it.
    pub(super) fn from_wgpu(p: &wgpu::CooperativeMatrixProperties) -> Option<CoopShape> {
        let (input, accumulator) = (scalar(p.ab_type)?, scalar(p.cr_type)?);
        let square = p.m_size == p.n_size && p.n_size == p.k_size && matches!(p.m_size, 8 | 16);
        square.then_some(CoopShape { m: p.m_size, n: p.n_size, k: p.k_size, input, accumulator })
    }

    /// Reads `8x8x8:f32:f32`, the form that `Display` writes.
    pub(super) fn parse(text: &str) -> Result<CoopShape> {
        let bad = || {
            Error::argument("NEARFIELD_FORCE_COOP", format!("{text:?} is not like 8x8x8:f32:f32"))
        };
        let mut parts = text.trim().split(':');
        let (Some(sizes), Some(input), Some(accumulator), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let size: u32 = match sizes {
            "8x8x8" => 8,
            "16x16x16" => 16,
            _ => return Err(bad()),
        };
        let float = |name: &str| match name {
            "f16" => Ok(DType::F16),
            "f32" => Ok(DType::F32),
            _ => Err(bad()),
        };
        let (input, accumulator) = (float(input)?, float(accumulator)?);
        Ok(CoopShape { m: size, n: size, k: size, input, accumulator })
    }
}

fn scalar(kind: wgpu::CooperativeScalarType) -> Option<DType> {
    match kind {
        wgpu::CooperativeScalarType::F32 => Some(DType::F32),
        wgpu::CooperativeScalarType::F16 => Some(DType::F16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_reads_what_it_writes() {
        let shape = CoopShape { m: 8, n: 8, k: 8, input: DType::F16, accumulator: DType::F32 };
        assert_eq!(CoopShape::parse(&shape.to_string()).unwrap(), shape);
        for bad in ["", "8x8x8", "8x8x8:f32", "8x8x8:f32:i8", "8x8x16:f32:f32", "8x8x8:f32:f32:x"] {
            assert!(CoopShape::parse(bad).is_err(), "{bad}");
        }
    }
}

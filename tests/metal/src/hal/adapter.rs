//! What the GPU says of itself: an Apple M1's features and limits, as wgpu reports them.

use super::absent::Surface;
use super::queue::{Health, Queue};
use super::{Api, device::Device};
use crate::options::Options;
use std::sync::Arc;
use wgpu::hal;

/// The most that an M1 with 16 GiB gives one buffer.
const MAX_BUFFER_BYTES: u64 = 9_534_832_640;

/// Metal's buffers for a kernel, less one for immediate data and one for the sizes of the others.
const STORAGE_BUFFERS: u32 = crate::run::BUFFERS as u32 - 2;

#[derive(Debug)]
pub struct Instance {
    options: Arc<Options>,
}

impl Instance {
    pub fn new(options: Options) -> Instance {
        Instance { options: Arc::new(options) }
    }
}

impl hal::Instance for Instance {
    type A = Api;

    unsafe fn init(_desc: &hal::InstanceDescriptor<'_>) -> Result<Self, hal::InstanceError> {
        // wgpu gives other crates no way to make its error; it never asks for an instance that it was given.
        unreachable!("made from its options alone")
    }

    unsafe fn create_surface(
        &self,
        _display_handle: wgpu::rwh::RawDisplayHandle,
        _window_handle: wgpu::rwh::RawWindowHandle,
    ) -> Result<Surface, hal::InstanceError> {
        unreachable!("kernels have no windows")
    }

    unsafe fn enumerate_adapters(&self, _hint: Option<&Surface>) -> Vec<hal::ExposedAdapter<Api>> {
        let mode = if self.options.fast_math { "fast math" } else { "strict" };
        let info = wgpu::AdapterInfo {
            name: "Apple M1 (its code, run on the processor)".to_owned(),
            driver: "nearfield-metal".to_owned(),
            driver_info: format!(
                "{mode}, {} lanes, seed {}",
                self.options.lanes, self.options.seed
            ),
            subgroup_min_size: 4,
            subgroup_max_size: 64,
            ..wgpu::AdapterInfo::new(wgpu::DeviceType::IntegratedGpu, wgpu::Backend::Metal)
        };
        let adapter = Adapter { options: Arc::clone(&self.options) };
        vec![hal::ExposedAdapter {
            adapter,
            info,
            features: features(),
            capabilities: capabilities(),
        }]
    }
}

fn features() -> wgpu::Features {
    wgpu::Features::MAPPABLE_PRIMARY_BUFFERS
        | wgpu::Features::IMMEDIATES
        | wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_I16
        | wgpu::Features::SHADER_INT64
        | wgpu::Features::SUBGROUP
        | wgpu::Features::SUBGROUP_BARRIER
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX
}

fn capabilities() -> hal::Capabilities {
    let limits = wgpu::Limits {
        max_bind_groups: 8,
        max_storage_buffers_per_shader_stage: STORAGE_BUFFERS,
        max_uniform_buffers_per_shader_stage: STORAGE_BUFFERS,
        max_dynamic_storage_buffers_per_pipeline_layout: STORAGE_BUFFERS,
        max_dynamic_uniform_buffers_per_pipeline_layout: STORAGE_BUFFERS,
        max_buffer_size: MAX_BUFFER_BYTES,
        max_storage_buffer_binding_size: MAX_BUFFER_BYTES,
        max_uniform_buffer_binding_size: MAX_BUFFER_BYTES,
        min_storage_buffer_offset_alignment: 32,
        min_uniform_buffer_offset_alignment: 256,
        max_compute_workgroup_storage_size: crate::compile::WORKGROUP_BYTES,
        max_compute_invocations_per_workgroup: 1024,
        max_compute_workgroup_size_x: 1024,
        max_compute_workgroup_size_y: 1024,
        max_compute_workgroup_size_z: 1024,
        max_compute_workgroups_per_dimension: 0xffff,
        max_immediate_size: 0x1000,
        ..wgpu::Limits::default()
    };
    let matrices = [(false, false), (true, true), (true, false)].map(|(halves, half_sums)| {
        let kind = |half| {
            if half { wgpu::CooperativeScalarType::F16 } else { wgpu::CooperativeScalarType::F32 }
        };
        wgpu::CooperativeMatrixProperties {
            m_size: 8,
            n_size: 8,
            k_size: 8,
            ab_type: kind(halves),
            cr_type: kind(half_sums),
            saturating_accumulation: false,
        }
    });
    let four = wgpu::BufferSize::MIN.saturating_mul(wgpu::BufferSize::MIN.saturating_add(3));
    hal::Capabilities {
        limits,
        alignments: hal::Alignments {
            buffer_copy_offset: four,
            buffer_copy_pitch: four,
            // naga's own checks are tight.
            uniform_bounds_check_alignment: wgpu::BufferSize::MIN,
            raw_tlas_instance_size: 0,
            ray_tracing_scratch_buffer_alignment: 1,
            ray_tracing_pipeline_group_data_size: 0,
            ray_tracing_pipeline_group_data_alignment: 0,
            ray_tracing_pipeline_data_offset_alignment: 0,
        },
        downlevel: wgpu::DownlevelCapabilities::default(),
        cooperative_matrix_properties: matrices.to_vec(),
    }
}

#[derive(Debug)]
pub struct Adapter {
    options: Arc<Options>,
}

impl hal::Adapter for Adapter {
    type A = Api;

    unsafe fn open(
        &self,
        _features: wgpu::Features,
        _limits: &wgpu::Limits,
        _memory_hints: &wgpu::MemoryHints,
    ) -> Result<hal::OpenDevice<Api>, hal::DeviceError> {
        let health = Health::default();
        let device = Device::new(Arc::clone(&self.options), health.clone());
        Ok(hal::OpenDevice { device, queue: Queue::new(Arc::clone(&self.options), health) })
    }

    unsafe fn texture_format_capabilities(
        &self,
        _format: wgpu::TextureFormat,
    ) -> hal::TextureFormatCapabilities {
        hal::TextureFormatCapabilities::empty()
    }

    unsafe fn surface_capabilities(&self, surface: &Surface) -> Option<hal::SurfaceCapabilities> {
        match *surface {}
    }

    unsafe fn get_presentation_timestamp(&self) -> wgpu::PresentationTimestamp {
        wgpu::PresentationTimestamp::INVALID_TIMESTAMP
    }

    fn get_ordered_buffer_usages(&self) -> wgpu::BufferUses {
        wgpu::BufferUses::INCLUSIVE | wgpu::BufferUses::MAP_WRITE
    }

    fn get_ordered_texture_usages(&self) -> wgpu::TextureUses {
        wgpu::TextureUses::INCLUSIVE
    }
}

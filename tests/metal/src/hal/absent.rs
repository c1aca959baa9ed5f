//! What is not for computing: nothing of it can be made, so nothing of it is ever used.

use super::{Api, queue::Fence};
use std::time::Duration;
use wgpu::hal;

/// A resource that cannot exist.
#[derive(Debug)]
pub enum Resource {}

impl hal::DynTextureView for Resource {}
impl hal::DynSampler for Resource {}
impl hal::DynAccelerationStructure for Resource {}
impl hal::DynPipelineCache for Resource {}
impl hal::DynRenderPipeline for Resource {}
impl hal::DynRayTracingPipeline for Resource {}
impl hal::DynSurfaceTexture for Resource {}

impl std::borrow::Borrow<dyn hal::DynTexture> for Resource {
    fn borrow(&self) -> &dyn hal::DynTexture {
        self
    }
}

#[derive(Debug)]
pub enum Surface {}

impl hal::Surface for Surface {
    type A = Api;

    unsafe fn configure(
        &self,
        _device: &super::device::Device,
        _config: &hal::SurfaceConfiguration,
    ) -> Result<(), hal::SurfaceError> {
        match *self {}
    }

    unsafe fn unconfigure(&self, _device: &super::device::Device) {
        match *self {}
    }

    unsafe fn acquire_texture(
        &self,
        _timeout: Option<Duration>,
        _fence: &Fence,
    ) -> Result<hal::AcquiredSurfaceTexture<Api>, hal::SurfaceError> {
        match *self {}
    }

    unsafe fn discard_texture(&self, texture: Resource) {
        match texture {}
    }
}

//! The one place where tests and the demonstration open a device.

use nearfield::{Gpu, GpuBuilder};
use std::sync::LazyLock;

/// Opens a device: as an application does, or, where `NEARFIELD_TEST_METAL` is set, on the GPU that runs Metal's code.
pub trait Open {
    /// # Errors
    /// As [`GpuBuilder::build`].
    fn open(self) -> nearfield::Result<Gpu>;
}

impl Open for GpuBuilder {
    fn open(self) -> nearfield::Result<Gpu> {
        #[cfg(unix)]
        if let Some((adapter, device, queue)) = metal::open() {
            return self.adopt(&adapter, device, queue);
        }
        match &*FIRST {
            Ok(first) => self.beside(first).build(),
            Err(_) => self.build(),
        }
    }
}

/// The one device of the process, on which each handle has settings of its own: kernels are compiled once. What a test measures of a
/// handle, such as its memory, is not the others'.
static FIRST: LazyLock<nearfield::Result<Gpu>> = LazyLock::new(|| Gpu::builder().build());

#[cfg(unix)]
mod metal {
    use nearfield::Gpu;
    use std::sync::LazyLock;

    /// A device of its own on the one adapter of the process.
    pub fn open() -> Option<(wgpu::Adapter, wgpu::Device, wgpu::Queue)> {
        static ADAPTER: LazyLock<Option<wgpu::Adapter>> = LazyLock::new(|| {
            let options = nearfield_metal::Options::from_env().unwrap_or_else(|e| panic!("{e}"))?;
            let instance = nearfield_metal::instance(options).unwrap();
            Some(
                pollster::block_on(
                    instance.request_adapter(&wgpu::RequestAdapterOptions::default()),
                )
                .unwrap(),
            )
        });
        let adapter = ADAPTER.clone()?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("nearfield on Metal's code"),
            required_features: Gpu::required_features(&adapter),
            required_limits: Gpu::required_limits(&adapter),
            // SAFETY: cooperative matrices, whose loads and stores that GPU checks.
            experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        Some((adapter, device, queue))
    }
}

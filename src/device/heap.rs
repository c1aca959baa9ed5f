//! How much memory the adapter has: wgpu has no call for it, each backend's own API does.

/// Bytes of the largest device-local heap.
pub(super) fn device_local_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    match adapter.get_info().backend {
        wgpu::Backend::Vulkan => vulkan(adapter),
        wgpu::Backend::Metal => metal(adapter),
        wgpu::Backend::Dx12 => dx12(adapter),
        _ => None,
    }
    .filter(|&bytes| bytes > 0)
}

#[cfg(not(target_vendor = "apple"))]
fn vulkan(adapter: &wgpu::Adapter) -> Option<u64> {
    const DEVICE_LOCAL: u32 = 1;
    // SAFETY: the handle is only asked for its properties, and it lives as long as the guard.
    unsafe {
        let adapter = adapter.as_hal::<wgpu::hal::api::Vulkan>()?;
        let instance = adapter.shared_instance().raw_instance();
        let memory = instance.get_physical_device_memory_properties(adapter.raw_physical_device());
        let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
        // Some drivers list the small window that the processor sees first.
        heaps.filter(|h| h.flags.as_raw() & DEVICE_LOCAL != 0).map(|h| h.size).max()
    }
}

#[cfg(target_vendor = "apple")]
fn vulkan(_: &wgpu::Adapter) -> Option<u64> {
    None
}

#[cfg(target_vendor = "apple")]
fn metal(adapter: &wgpu::Adapter) -> Option<u64> {
    use objc2_metal::MTLDevice;
    // SAFETY: the handle is only asked for a property, and it lives as long as the guard.
    let adapter = unsafe { adapter.as_hal::<wgpu::hal::api::Metal>() }?;
    Some(adapter.raw_device().recommendedMaxWorkingSetSize())
}

#[cfg(not(target_vendor = "apple"))]
fn metal(_: &wgpu::Adapter) -> Option<u64> {
    None
}

#[cfg(windows)]
fn dx12(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the handle is only asked for a property, and it lives as long as the guard.
    let adapter = unsafe { adapter.as_hal::<wgpu::hal::api::Dx12>() }?;
    // The default memory segment group, 0, is the adapter's own memory.
    adapter.raw_adapter().query_video_memory_info(Default::default()).ok().map(|i| i.Budget)
}

#[cfg(not(windows))]
fn dx12(_: &wgpu::Adapter) -> Option<u64> {
    None
}

//! DX12's way on a Vulkan driver: a device that runs, instead of the SPIR-V that naga writes, what Microsoft's DXC makes of the HLSL
//! that naga writes. All else is as on any other device, so whole searches run on it; wgpu's own few kernels stay as they are.

use super::hlsl::{self, dxc};
use ash::vk;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use nearfield::{Gpu, GpuBuilder};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use wgpu::hal::api::Vulkan;

/// Whether the devices that tests share are such ones.
pub fn wanted() -> bool {
    is_set("NEARFIELD_TEST_DX12")
}

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "1")
}

/// The hashes of the kernels that came from DXC.
static TRANSLATED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// How many kernels came from DXC in this program.
pub fn translated() -> usize {
    TRANSLATED.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// Opens the first Vulkan adapter so, without matrix units, which DX12 does not have.
///
/// # Errors
/// Why it did not open, in words.
pub fn open(builder: GpuBuilder) -> Result<Gpu, String> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    descriptor.flags = FLAGS;
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    let adapter = adapters.into_iter().next().ok_or("no Vulkan adapter")?;
    let features =
        Gpu::required_features(&adapter) - wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    let descriptor = wgpu::DeviceDescriptor {
        required_features: features,
        required_limits: Gpu::required_limits(&adapter),
        ..wgpu::DeviceDescriptor::default()
    };
    let (device, queue) = request_device(&adapter, &descriptor)?;
    builder.adopt(&adapter, device, queue).map_err(|e| e.to_string())
}

/// What the instance must be made with: naga then writes the WGSL into its SPIR-V, by which a kernel is known here.
pub const FLAGS: wgpu::InstanceFlags = wgpu::InstanceFlags::DEBUG;

/// As wgpu's own, for a Vulkan adapter.
///
/// # Errors
/// Why it did not open, in words.
pub fn request_device(
    adapter: &wgpu::Adapter,
    descriptor: &wgpu::DeviceDescriptor<'_>,
) -> Result<(wgpu::Device, wgpu::Queue), String> {
    dxc().ok_or("no DXC (tests/drivers/dxc.sh)")?;
    // SAFETY: the device has just the extensions and features that wgpu asks for, and belongs to wgpu alone.
    unsafe {
        let device = hal_device(adapter, descriptor)?;
        adapter.create_device_from_hal(device, descriptor).map_err(|e| e.to_string())
    }
}

/// As wgpu opens it, but for one function.
///
/// # Safety
/// The descriptor asks for what the adapter has.
unsafe fn hal_device(
    adapter: &wgpu::Adapter,
    descriptor: &wgpu::DeviceDescriptor<'_>,
) -> Result<wgpu::hal::OpenDevice<Vulkan>, String> {
    // SAFETY: the adapter outlives this function, and the device is opened as wgpu itself does it.
    unsafe {
        let adapter = adapter.as_hal::<Vulkan>().ok_or("no Vulkan adapter")?;
        let extensions = adapter.required_device_extensions(descriptor.required_features);
        let mut features =
            adapter.physical_device_features(&extensions, descriptor.required_features);
        let names: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
        let queue = vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0]);
        let queues = [queue];
        let info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&names);
        let info = features.add_to_device_create(info);
        let instance = adapter.shared_instance().raw_instance();
        let device = instance
            .create_device(adapter.raw_physical_device(), &info, None)
            .map_err(|e| e.to_string())?;
        let mut functions = device.fp_v1_0().clone();
        DRIVERS_OWN.get_or_init(|| functions.create_shader_module);
        functions.create_shader_module = create_shader_module;
        let device = ash::Device::from_parts_1_3(
            device.handle(),
            functions,
            device.fp_v1_1().clone(),
            device.fp_v1_2().clone(),
            device.fp_v1_3().clone(),
        );
        adapter
            .device_from_raw(
                device,
                None,
                &extensions,
                descriptor.required_features,
                &descriptor.required_limits,
                &descriptor.memory_hints,
                0,
                0,
            )
            .map_err(|e| e.to_string())
    }
}

static DRIVERS_OWN: OnceLock<vk::PFN_vkCreateShaderModule> = OnceLock::new();

/// Has the driver take DXC's code where the module was written from WGSL.
unsafe extern "system" fn create_shader_module(
    device: vk::Device,
    info: *const vk::ShaderModuleCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    module: *mut vk::ShaderModule,
) -> vk::Result {
    let Some(drivers_own) = DRIVERS_OWN.get() else { return vk::Result::ERROR_UNKNOWN };
    // SAFETY: wgpu passes a whole description, and the driver's function gets what it was made for.
    unsafe {
        let naga = std::slice::from_raw_parts((*info).p_code, (*info).code_size / 4);
        let Some(wgsl) = source(naga) else { return drivers_own(device, info, allocator, module) };
        match from_dxc(&wgsl) {
            Ok(code) => {
                let info = vk::ShaderModuleCreateInfo::default().code(&code);
                drivers_own(device, &info, allocator, module)
            }
            Err(e) => {
                eprintln!("{e}\n{}", wgsl.lines().next().unwrap_or_default());
                vk::Result::ERROR_UNKNOWN
            }
        }
    }
}

/// The text that a module says that it was written from.
fn source(spirv: &[u32]) -> Option<String> {
    const SOURCE: u32 = 3;
    const SOURCE_CONTINUED: u32 = 2;
    let (mut text, mut at) = (Vec::new(), 5);
    while let Some(&first) = spirv.get(at) {
        let (operation, words) = (first & 0xffff, (first >> 16) as usize);
        // the language, its version and a file's name stand before the text
        let skipped = match operation {
            SOURCE => Some(4),
            SOURCE_CONTINUED => Some(1),
            _ => None,
        };
        if let Some(part) = skipped.and_then(|skipped| spirv.get(at + skipped..at + words)) {
            let bytes = part.iter().flat_map(|word| word.to_le_bytes());
            text.extend(bytes.take_while(|&byte| byte != 0));
        }
        at += words.max(1);
    }
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}

/// The kernel's code by way of HLSL; what was compiled before is kept by the text's hash.
fn from_dxc(wgsl: &str) -> Result<Vec<u32>, String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.to_string())?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|e| e.to_string())?;
    let (text, entry) = hlsl::translate(&module, &info, is_set("NEARFIELD_CHECKED"))?;
    if text.contains("_NagaConstants.") {
        return Err("a kernel that asks for the number of workgroups".into());
    }
    // What HLSL has no word for: immediates are push constants there.
    let line = |line: &str| match line.contains("register(b0, space1)") {
        true => format!("[[vk::push_constant]] {line}\n"),
        false => format!("{line}\n"),
    };
    let text: String = text.lines().map(line).collect();
    compile(&text, &entry)
}

fn compile(text: &str, entry: &str) -> Result<Vec<u32>, String> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dx12");
        std::fs::create_dir_all(&folder).expect("the target folder is writable");
        folder
    });
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let dxc = dxc().ok_or("no DXC")?;
    let mut hasher = DefaultHasher::new();
    (text, entry, &dxc).hash(&mut hasher);
    let hash = hasher.finish();
    let kept = FOLDER.join(format!("{hash:016x}.spv"));
    if !kept.is_file() {
        // Threads and programs may compile the same at a time, each in a file of its own.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = FOLDER.join(format!("{}-{number}.hlsl", std::process::id()));
        std::fs::write(&file, text).map_err(|e| e.to_string())?;
        let argument = format!("{entry}:{}", file.display());
        let said = Command::new(&dxc).args(["-spirv", &argument]).output();
        let said = said.map_err(|e| format!("{dxc}: {e}"))?;
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stdout).into_owned());
        }
        std::fs::rename(file.with_extension("hlsl.spv"), &kept).map_err(|e| e.to_string())?;
        std::fs::remove_file(&file).map_err(|e| e.to_string())?;
    }
    let bytes = std::fs::read(&kept).map_err(|e| e.to_string())?;
    TRANSLATED.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
    let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Ok(as_free(&bytes.chunks_exact(4).map(word).collect::<Vec<_>>()))
}

/// Without the decoration that DXC gives to each `mad`. naga's SPIR-V has none, and a driver may simplify what has none, as Mesa does
/// with constant factors: a difference of the driver's making, not of the code's.
fn as_free(spirv: &[u32]) -> Vec<u32> {
    const DECORATE: u32 = 71;
    const NO_CONTRACTION: u32 = 42;
    let (header, mut rest) = spirv.split_at(5);
    let mut free = header.to_vec();
    while let Some(&first) = rest.first() {
        let (instruction, after) = rest.split_at(((first >> 16).max(1) as usize).min(rest.len()));
        if first & 0xffff != DECORATE || instruction.get(2) != Some(&NO_CONTRACTION) {
            free.extend_from_slice(instruction);
        }
        rest = after;
    }
    free
}

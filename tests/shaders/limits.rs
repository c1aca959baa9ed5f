//! What a kernel may use: Apple's limits for all, WebGPU's guaranteed ones for the baseline, and the rules that keep one
//! source right on every backend.

use naga::proc::Layouter;
use naga::valid::FunctionInfo;
use naga::{AddressSpace, Barrier, Block, Handle, ScalarKind, Statement, TypeInner};

use crate::variant::{Kernel, LARGE_WORKGROUP};

/// The most that a kernel may use.
pub struct Limits {
    pub whose: &'static str,
    pub threads: u32,
    pub workgroup_bytes: u32,
    pub storage_buffers: usize,
    pub immediate_bytes: u32,
}

/// Every Apple GPU since the M1, through wgpu: 31 buffers, of which two are wgpu's own.
pub const APPLE: Limits = Limits {
    whose: "Apple",
    threads: 1024,
    workgroup_bytes: 32 << 10,
    storage_buffers: 29,
    immediate_bytes: 4096,
};

/// What every WebGPU device has, and the immediates that Vulkan guarantees.
pub const BASELINE: Limits = Limits {
    whose: "the baseline",
    threads: 256,
    workgroup_bytes: 16 << 10,
    storage_buffers: 8,
    immediate_bytes: 128,
};

/// Immediates are 128 bytes on DX12 and on many Vulkan drivers.
const IMMEDIATE_BYTES: u32 = 128;

/// What one kernel uses.
#[derive(Debug)]
pub struct Use {
    pub threads: u32,
    pub workgroup_bytes: u32,
    pub storage_buffers: usize,
    pub immediate_bytes: u32,
}

pub fn used(kernel: &Kernel) -> Use {
    let mut layouter = Layouter::default();
    // Validation has laid the same types out already.
    layouter.update(kernel.module.to_ctx()).expect("a valid module has a layout");
    let mut used = Use {
        threads: kernel.module.entry_points[0].workgroup_size.iter().product(),
        workgroup_bytes: 0,
        storage_buffers: 0,
        immediate_bytes: 0,
    };
    for (_, variable) in kernel.module.global_variables.iter() {
        let bytes = layouter[variable.ty].size;
        match variable.space {
            AddressSpace::WorkGroup => used.workgroup_bytes += bytes.next_multiple_of(16),
            AddressSpace::Storage { .. } | AddressSpace::Uniform => used.storage_buffers += 1,
            AddressSpace::Immediate => used.immediate_bytes += bytes,
            _ => {}
        }
    }
    used
}

pub fn over(kernel: &Kernel, limits: &Limits) -> Vec<String> {
    let used = used(kernel);
    // Profiles of GPUs with 48 KiB and more may ask for it; nobody else gets such a variant.
    let large = kernel.variant.needs.iter().any(|need| need == LARGE_WORKGROUP);
    let workgroup_bytes = if large { 48 << 10 } else { limits.workgroup_bytes };
    let rows = [
        ("threads", u64::from(used.threads), u64::from(limits.threads)),
        ("bytes of workgroup memory", used.workgroup_bytes.into(), workgroup_bytes.into()),
        ("buffers", used.storage_buffers as u64, limits.storage_buffers as u64),
        ("bytes of immediates", used.immediate_bytes.into(), limits.immediate_bytes.into()),
    ];
    rows.iter()
        .filter(|(_, needed, limit)| needed > limit)
        .map(|(what, needed, limit)| {
            format!("{}: {needed} {what}, {} has {limit}", kernel.name(), limits.whose)
        })
        .collect()
}

/// The rules of the house, each for a backend that would otherwise fail or be silently wrong.
pub fn broken_rules(kernel: &Kernel) -> Vec<String> {
    let entry = &kernel.module.entry_points[0];
    let used = used(kernel);
    let mut broken = Vec::new();
    if entry.workgroup_size[1..] != [1, 1] {
        broken.push(format!("a workgroup of {:?}: one dimension only", entry.workgroup_size));
    }
    if used.threads != kernel.variant.workgroup_threads {
        broken.push(format!(
            "{} threads, declared {}",
            used.threads, kernel.variant.workgroup_threads
        ));
    }
    if used.immediate_bytes > IMMEDIATE_BYTES {
        broken.push(format!("{} bytes of immediates", used.immediate_bytes));
    }
    if kernel.variant.baseline && !kernel.variant.needs.is_empty() {
        broken.push(format!("a baseline kernel that needs {:?}", kernel.variant.needs));
    }
    let functions = kernel.module.functions.iter();
    for (handle, function) in functions {
        walk(kernel, &kernel.info[handle], &function.body, &mut broken);
    }
    walk(kernel, kernel.info.get_entry_point(0), &entry.function.body, &mut broken);
    broken.into_iter().map(|rule| format!("{}: {rule}", kernel.name())).collect()
}

fn walk(kernel: &Kernel, info: &FunctionInfo, block: &Block, broken: &mut Vec<String>) {
    for statement in block.iter() {
        let mut inner = |block: &Block| walk(kernel, info, block, broken);
        match statement {
            Statement::Block(block) => inner(block),
            Statement::If { accept, reject, .. } => {
                inner(accept);
                inner(reject);
            }
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| inner(&case.body)),
            Statement::Loop { body, continuing, .. } => {
                inner(body);
                inner(continuing);
            }
            // HLSL drops it, and its SPIR-V lacks the workgroup memory's semantics.
            Statement::ControlBarrier(flags) if flags.contains(Barrier::SUB_GROUP) => {
                broken.push("a subgroupBarrier: use workgroupBarrier".into());
            }
            // wgpu does not enable the Vulkan feature that 16-bit subgroup operations need.
            Statement::SubgroupCollectiveOperation { argument, .. }
            | Statement::SubgroupGather { argument, .. }
                if is_f16(kernel, info, *argument) =>
            {
                broken.push("a subgroup operation on f16: convert to f32".into());
            }
            _ => {}
        }
    }
}

fn is_f16(kernel: &Kernel, info: &FunctionInfo, value: Handle<naga::Expression>) -> bool {
    match info[value].ty.inner_with(&kernel.module.types) {
        TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } => {
            scalar.kind == ScalarKind::Float && scalar.width == 2
        }
        _ => false,
    }
}

//! Runs without a GPU. Every variant of every kernel is translated as wgpu does it for Vulkan, Metal and DX12, held against
//! the limits of Apple's GPUs and of the baseline, type-checked as MSL by clang and compiled as HLSL by DXC where those
//! are installed (tests/drivers).

mod compilers;
mod headers;
#[path = "../common/hlsl.rs"]
mod hlsl;
mod limits;
#[cfg(unix)]
mod metal;
mod refusals;
mod translate;
mod variant;

use naga::valid::{Capabilities, ValidationFlags, Validator};

use compilers::{compile_hlsl, folder};
use limits::{APPLE, BASELINE, broken_rules, over};
use translate::{hlsl, spirv};
use variant::{Kernel, invalid, kernels};

/// Vulkan 1.1 and Vulkan 1.3.
const SPIRV_VERSIONS: [(u8, u8); 2] = [(1, 3), (1, 6)];

fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn skip(reason: &str, count: usize) {
    if count > 0 {
        println!("skipped: {reason} ({count})");
    }
}

/// Whether the backend can have the kernel at all.
fn supported(kernel: &Kernel, backend: Capabilities) -> bool {
    let capabilities = kernel.capabilities & backend;
    Validator::new(ValidationFlags::all(), capabilities).validate(&kernel.module).is_ok()
}

#[test]
fn every_variant_parses_and_needs_what_it_says() {
    println!("{} variants", kernels().count());
    assert_none(invalid().into_iter().chain(kernels().flat_map(Kernel::idle_needs)).collect());
}

#[test]
fn every_variant_keeps_within_the_limits_and_the_rules() {
    let mut problems: Vec<String> = kernels().flat_map(broken_rules).collect();
    problems.extend(kernels().flat_map(|kernel| over(kernel, &APPLE)));
    let baseline: Vec<&Kernel> = kernels().filter(|kernel| kernel.variant.baseline).collect();
    problems.extend(baseline.iter().flat_map(|kernel| over(kernel, &BASELINE)));
    println!("{} variants, {} of them within the baseline", kernels().count(), baseline.len());
    assert_none(problems);
}

#[test]
fn every_variant_translates_to_spirv() {
    let (mut problems, mut words) = (Vec::new(), 0);
    for kernel in kernels() {
        if !supported(kernel, naga::back::spv::supported_capabilities()) {
            problems.push(format!("{}: SPIR-V cannot have it", kernel.name()));
        }
        for version in SPIRV_VERSIONS {
            for checked in [true, false] {
                match spirv(kernel, version, checked) {
                    Ok(spirv) => words += spirv.len(),
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }
    println!("{} variants, {words} words", kernels().count());
    assert_none(problems);
}

#[test]
fn every_variant_translates_to_hlsl_that_compiles() {
    let (mut problems, mut texts, mut matrices) = (Vec::new(), Vec::new(), 0);
    for kernel in kernels() {
        if kernel.uses_matrix(false) {
            matrices += 1;
            continue;
        }
        if !supported(kernel, naga::back::hlsl::supported_capabilities()) {
            problems.push(format!("{}: DX12 cannot have it", kernel.name()));
            continue;
        }
        for checked in [true, false] {
            let kind = if checked { "checked" } else { "trusted" };
            match hlsl(kernel, checked) {
                Ok(text) => texts.push((format!("{}.{kind}", kernel.name()), text)),
                Err(problem) => problems.push(problem),
            }
        }
    }
    skip("DX12 has no cooperative matrices", matrices);
    match hlsl::dxc() {
        Some(dxc) => problems.extend(compile_hlsl(&dxc, &folder("hlsl"), &texts).err()),
        None => skip("no DXC to compile HLSL (tests/drivers/dxc.sh)", texts.len()),
    }
    println!("{} texts", texts.len());
    assert_none(problems);
}

//! MSL, as wgpu has it written on a Mac, type-checked by clang where that is installed.

use crate::compilers::folder;
use crate::refusals::kernel;
use crate::translate::{bound, caught};
use crate::variant::{Kernel, kernels};
use crate::{assert_none, skip, supported};
use naga::back::msl;
use naga::{AddressSpace, StorageAccess};
use nearfield_metal::{Source, clang, translate, type_check};

/// The languages of macOS 12 and of macOS 15.
const VERSIONS: [(u8, u8); 2] = [(2, 4), (3, 2)];

fn metal(kernel: &Kernel, language: (u8, u8), checked: bool) -> Result<String, String> {
    let mut slots = 0..31;
    let mut slot = || slots.next().ok_or("more than 31 buffers");
    let mut resources = msl::EntryPointResources::default();
    caught(kernel, "MSL", || {
        for (binding, variable) in bound(kernel) {
            let mutable = matches!(variable.space, AddressSpace::Storage { access }
                if access.contains(StorageAccess::STORE));
            let target = msl::BindTarget { buffer: Some(slot()?), mutable, ..Default::default() };
            resources.resources.insert(binding, target);
        }
        resources.immediates_buffer = Some(slot()?);
        resources.sizes_buffer = Some(slot()?);
        let checks = match checked {
            true => wgpu::ShaderRuntimeChecks::default(),
            false => wgpu::ShaderRuntimeChecks::unchecked(),
        };
        translate(&Source {
            name: kernel.name(),
            language,
            module: &kernel.module,
            info: &kernel.info,
            entry_point: &kernel.module.entry_points[0].name,
            constants: &Default::default(),
            checks,
            zero_workgroup_memory: checked,
            resources: &resources,
        })
        .map(|translated| translated.text)
    })
}

#[test]
fn every_variant_translates_to_msl_that_type_checks() {
    let (mut problems, mut texts, mut too_large) = (Vec::new(), Vec::new(), 0);
    for kernel in kernels() {
        if kernel.uses_matrix(true) {
            too_large += 1;
            continue;
        }
        if !supported(kernel, naga::back::msl::supported_capabilities()) {
            problems.push(format!("{}: Metal cannot have it", kernel.name()));
            continue;
        }
        for version in VERSIONS {
            for checked in [true, false] {
                let kind = if checked { "checked" } else { "trusted" };
                match metal(kernel, version, checked) {
                    Ok(text) => {
                        let name = format!("{}.{}{}.{kind}", kernel.name(), version.0, version.1);
                        texts.push((name, text));
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }
    skip("Metal has no 16 x 16 matrices", too_large);
    match clang() {
        Ok(clang) => problems.extend(type_check(&clang, &folder("msl"), &texts).err()),
        Err(_) => skip("no clang 15 or newer to type-check MSL", texts.len()),
    }
    println!("{} texts", texts.len());
    assert_none(problems);
}

/// Two things that naga translates without a word and that Apple's compiler would refuse on the user's machine.
#[test]
fn the_shim_refuses_what_metal_lacks() {
    let Ok(clang) = clang() else { return skip("no clang 15 or newer to type-check MSL", 2) };
    let large = include_str!("fixtures/scan_f16_coop.wgsl").replace("SIZE", "16");
    let small = include_str!("fixtures/scan_f16_coop.wgsl").replace("SIZE", "8");
    let vectors =
        small.replace("b: array<f16>", "b: array<vec4<f16>>").replace("&b[k * 64u]", "&b[k * 16u]");
    for (name, wgsl, expected) in [
        ("large", large, Some("simdgroup_half16x16")),
        ("vectors", vectors, Some("half4")),
        ("small", small, None),
    ] {
        let kernel = kernel(&wgsl, 64, &["f16", "coop8"]);
        let text = metal(&kernel, (3, 2), false).expect("naga translates it");
        let refused = type_check(&clang, &folder(name), &[(name.to_owned(), text)]).err();
        match (expected, refused) {
            (Some(expected), Some(words)) => assert!(words.contains(expected), "{words}"),
            (None, refused) => assert_eq!(refused, None),
            (Some(_), None) => panic!("{name}: clang accepts it"),
        }
    }
}

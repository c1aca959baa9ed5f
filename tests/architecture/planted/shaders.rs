//! Shaders without their header or kernel, and kernels that a stranger names.

use super::{Files, one_fault};
use crate::shaders::faults;
use crate::source::Tree;

const HEADER: &str = "// y = x + 1 for every x.\n// Bindings: x, y.\n// Threads: one an element.\n// Profile keys: none.\n";

#[test]
fn a_shader_without_its_kernel_or_header() {
    fn check(files: Files) -> Vec<String> {
        faults(&Tree::of(files))
    }
    let clean = [
        ("shaders/exact/scan.wgsl", HEADER),
        ("shaders/device/probe.wgsl", HEADER),
        ("shaders/lib/key.wgsl", "fn key() {}"),
        ("shaders/quantize/decode/product.wgsl", "fn decode() {}"),
        ("src/exact/kernels.rs", "fn scan() { Variant::new(\"scan\") }"),
        ("src/exact/plan.rs", ""),
        ("src/kernel/tile.rs", "fn probe() { Variant::new(\"device/probe\") }"),
    ];
    let missing = ["shaders/exact/scan.wgsl: src/exact/kernels.rs does not name it"];
    one_fault(check, &clean, "src/exact/kernels.rs", "// \"scan\"\nfn scan() {}", &missing);
    let only_tests = "#[cfg(test)] mod tests { fn f() { Variant::new(\"scan\") } }";
    one_fault(check, &clean, "src/exact/kernels.rs", only_tests, &missing);
    let stranger = "fn probe() { Variant::new(\"device/probe\"); Variant::new(\"scan\") }";
    let said = ["src/kernel/tile.rs:1: the kernel of shaders/exact/scan.wgsl is exact's"];
    one_fault(check, &clean, "src/kernel/tile.rs", stranger, &said);
    for word in ["Bindings:", "Threads:", "Profile keys:"] {
        let header = HEADER.replace(word, "");
        one_fault(check, &clean, "shaders/exact/scan.wgsl", &header, &["the header has no", word]);
    }
    let header = HEADER.replace("y = x + 1 for every x.", "");
    let said = ["the header does not open with the formula"];
    one_fault(check, &clean, "shaders/exact/scan.wgsl", &header, &said);
    let mut flat = clean.to_vec();
    flat.push(("shaders/range.wgsl", HEADER));
    assert_eq!(check(&flat), ["shaders/range.wgsl: stands in no engine's folder"]);
}

//! A check that accepts everything would look just as green: each is shown a kernel that it must refuse.

use crate::limits::{APPLE, BASELINE, broken_rules, over};
use crate::variant::{Kernel, variant};

pub fn kernel(wgsl: &str, threads: u32, needs: &[&str]) -> Kernel {
    Kernel::new(variant("refused", wgsl, threads, needs, false)).expect("the text is valid WGSL")
}

#[test]
fn a_need_that_is_not_named_is_refused() {
    let wgsl = "@group(0) @binding(0) var<storage, read_write> o: array<f32>;
        @compute @workgroup_size(64) fn main() { o[0] = subgroupAdd(o[1]); }";
    assert!(Kernel::new(variant("refused", wgsl, 64, &[], true)).is_err());
    assert!(Kernel::new(variant("accepted", wgsl, 64, &["subgroup"], true)).is_ok());
    assert!(Kernel::new(variant("refused", wgsl, 64, &["telepathy"], true)).is_err());
}

#[test]
fn what_breaks_a_rule_is_named() {
    let f16_sum = "enable f16; @group(0) @binding(0) var<storage, read_write> o: array<f16>;
        @compute @workgroup_size(64) fn main() { if o[2] > 0.0h { o[0] = subgroupAdd(o[1]); } }";
    let cases = [
        ("@compute @workgroup_size(8, 8) fn main() {}", &[][..], "one dimension"),
        ("@compute @workgroup_size(32) fn main() {}", &[], "declared 64"),
        (f16_sum, &["f16", "subgroup"], "on f16"),
        (
            "var<immediate> p: array<vec4<f32>, 9>; @compute @workgroup_size(64) fn main() { _ = p[0]; }",
            &[],
            "144 bytes of immediates",
        ),
    ];
    for (wgsl, needs, expected) in cases {
        let broken = broken_rules(&kernel(wgsl, 64, needs));
        assert!(broken.len() == 1 && broken[0].contains(expected), "{broken:?}: {expected}");
    }
}

#[test]
fn what_is_over_a_limit_is_named_with_both_numbers() {
    let wgsl = "var<workgroup> tile: array<vec4<f32>, 2049>;
        @compute @workgroup_size(512) fn main() { tile[0].x = 1.0; }";
    let kernel = kernel(wgsl, 512, &[]);
    assert_eq!(
        over(&kernel, &APPLE),
        ["refused: 32784 bytes of workgroup memory, Apple has 32768"]
    );
    assert_eq!(over(&kernel, &BASELINE).len(), 2);
}

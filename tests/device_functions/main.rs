//! Each device function of the shader library alone, wrapped in the smallest kernel that calls it, against the standard
//! library: a search that goes wrong shows that something is wrong, a function that goes wrong shows what.
//!
//! They are small kernels and run on every driver, with the shader compiler's checks and without.

#[path = "../common/mod.rs"]
mod common;

mod decoded;
mod element;
mod grid;
mod half;
mod harness;
mod key;
mod largest;
mod log;
mod logs;
mod norm;
mod ones;
mod operand;
mod prefix;
mod rabitq;
mod radix;
mod tables;
mod tree;

use std::collections::BTreeSet;

/// The texts of the kernels that call the functions.
const CALLERS: &[&str] = &[
    decoded::KERNEL,
    element::KERNEL,
    grid::KERNEL,
    half::KERNEL,
    key::KERNEL,
    largest::KERNEL,
    log::KERNEL,
    logs::KERNEL,
    norm::KERNEL,
    ones::KERNEL,
    operand::KERNEL,
    operand::POSITIONS,
    prefix::KERNEL,
    rabitq::KERNEL,
    radix::KERNEL,
    tables::KERNEL,
    tree::KERNEL,
];

/// Functions that another one stands for, since its result is theirs but for a step or two.
const BEHIND: &[(&str, &str)] = &[
    ("floats", "row4_at"),
    ("row4", "row4_at"),
    ("integers", "row4i"),
    ("ln_scaled", "power"),
    ("parts_of", "ln_ratio"),
    ("log_of", "logs_of"),
    ("factor_of", "norm_of"),
    ("carries", "ones_of_8"),
    ("code4_on", "row4_at"),
    ("one", "tree8"),
    ("plus", "tree8"),
    ("plus4", "tree8"),
];

/// Parts of the library that mean nothing outside of a whole kernel; the sweep over all kernels tests those.
const PARTS_OF_KERNELS: &[&str] = &["metric/", "tile/", "filter/"];

/// A new function of the library without a test of its own fails here.
#[test]
fn every_function_of_the_library_has_a_test() {
    let called = |name: &str| CALLERS.iter().any(|text| text.contains(&format!("{name}(")));
    let (mut functions, mut untested) = (BTreeSet::new(), Vec::new());
    for (path, text) in harness::library() {
        if PARTS_OF_KERNELS.iter().any(|part| path.contains(part)) {
            continue;
        }
        for line in text.lines() {
            let Some(name) = line.strip_prefix("fn ").and_then(|l| l.split('(').next()) else {
                continue;
            };
            functions.insert(name.to_owned());
            let behind = BEHIND.iter().find(|(inner, _)| *inner == name).map(|(_, outer)| *outer);
            if !called(behind.unwrap_or(name)) {
                untested.push(format!("{path}: {name}"));
            }
        }
    }
    println!("count: device_functions.functions {}", functions.len());
    assert!(untested.is_empty(), "no test calls {untested:?}");
}

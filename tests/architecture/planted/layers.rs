//! Uses of a later layer, and of what stands later in a folder.

use super::{Files, one_fault, with};
use crate::layers::{Order, Rank, faults};
use crate::source::Tree;
use crate::uses::Uses;

const ORDER: Order = Order {
    folder: "src",
    ranks: &[
        Rank::Together(&["error", "metric"]),
        Rank::Apart(&["reference", "format"]),
        Rank::Apart(&["device"]),
        Rank::Apart(&["exact"]),
        Rank::Apart(&["lib"]),
        Rank::Apart(&["bin"]),
    ],
};

fn layers(files: Files) -> Vec<String> {
    faults(&ORDER, &Uses::of(&Tree::of(files)))
}

const LAYERED: Files = &[
    (
        "src/lib.rs",
        "mod device; mod error; mod exact; mod format; mod metric; mod reference; pub use exact::Dataset;",
    ),
    ("src/error.rs", "use crate::metric::Metric; pub struct Error(Metric);"),
    ("src/metric.rs", "pub struct Metric;"),
    ("src/reference.rs", "use crate::error::Error; pub struct Oracle;"),
    ("src/format/mod.rs", "use super::metric; pub struct Rows(metric::Metric);"),
    ("src/device/mod.rs", "mod caps; pub use caps::Caps; pub struct Gpu(Caps);"),
    ("src/device/caps.rs", "use crate::format::Rows; pub struct Caps;"),
    ("src/exact/mod.rs", "mod dataset; pub use dataset::Dataset;"),
    ("src/exact/dataset.rs", "use crate::device::{Caps, Gpu}; pub struct Dataset(Gpu, Caps);"),
    (
        "src/bin/nearfield/main.rs",
        "mod args; use args::Args; fn main() { nearfield::Dataset::new(Args) }",
    ),
    ("src/bin/nearfield/args.rs", "pub struct Args;"),
];

#[test]
fn a_use_of_a_later_layer() {
    let said = [
        "src: device may not use exact",
        "src/device/caps.rs uses src/exact/dataset.rs: Dataset (line 1)",
    ];
    for text in [
        "pub struct Caps(crate::exact::Dataset);",
        // Through the name that the root gives it.
        "use crate::Dataset; pub struct Caps;",
        "pub struct Caps; fn f(_: super::super::Dataset) {}",
    ] {
        one_fault(layers, LAYERED, "src/device/caps.rs", text, &said);
    }
    let side = "use crate::format::Rows; pub struct Oracle;";
    one_fault(layers, LAYERED, "src/reference.rs", side, &["src: reference may not use format"]);
    let ground = "pub struct Metric; fn f(_: crate::device::Caps) {}";
    one_fault(
        layers,
        LAYERED,
        "src/metric.rs",
        ground,
        &["src: metric may not use device", "caps.rs: Caps"],
    );
    let root = "mod device; mod error; mod exact; mod format; mod metric; mod reference; pub use exact::Dataset; mod later;";
    let mut unknown = with(LAYERED, "src/lib.rs", root);
    unknown.push(("src/later.rs", ""));
    assert_eq!(layers(&unknown), ["src/later (1 files) has no place in the order of src"]);
}

#[test]
fn a_use_of_a_later_file_inside_a_folder() {
    fn inside(files: Files) -> Vec<String> {
        let order = Order {
            folder: "src/exact",
            ranks: &[
                Rank::Apart(&["params"]),
                Rank::Apart(&["rows"]),
                Rank::Apart(&["scan"]),
                Rank::Apart(&["mod"]),
            ],
        };
        faults(&order, &Uses::of(&Tree::of(files)))
    }
    let clean = [
        ("src/lib.rs", "mod exact; pub use exact::search;"),
        (
            "src/exact/mod.rs",
            "mod params; mod rows; mod scan; pub use scan::scan; pub fn search() { scan() }",
        ),
        ("src/exact/params.rs", "pub struct Params;"),
        ("src/exact/rows/mod.rs", "mod bias; pub use bias::Bias;"),
        ("src/exact/rows/bias.rs", "use super::super::params::Params; pub struct Bias(Params);"),
        ("src/exact/scan.rs", "use super::rows::Bias; pub fn scan() {}"),
    ];
    let said =
        ["src/exact: rows may not use scan", "src/exact/rows/bias.rs uses src/exact/scan.rs: scan"];
    let bias = "use super::super::scan; pub struct Bias; fn f() { scan() }";
    one_fault(inside, &clean, "src/exact/rows/bias.rs", bias, &said);
    let root = "pub struct Params; fn f() { crate::search() }";
    one_fault(inside, &clean, "src/exact/params.rs", root, &["src/exact: params may not use mod"]);
}

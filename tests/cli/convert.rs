//! `nearfield convert`: the formats themselves are tested with the library.

use crate::support::{block, fail, succeed, with_set};
use nearfield::DType;
use nearfield::format::{RowSource, open};

#[test]
fn extensions_say_the_formats() {
    let folder = with_set("plain");
    let folder = folder.path();
    let run = succeed(folder, "convert base.npy a.fvecs");
    assert!(run.stdout.contains("120 rows of base.npy in a.fvecs"), "{}", run.stdout);
    succeed(folder, "convert a.fvecs b.fbin --quiet");
    succeed(folder, "convert b.fbin c.npy");
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(bytes("c.npy"), bytes("base.npy"));
    let summary = succeed(folder, "convert base.npy d.f16bin --json").json();
    assert_eq!((&summary["command"], &summary["rows"]), (&"convert".into(), &120.into()));
    assert_eq!(open(folder.join("d.f16bin"), None).unwrap().dtype(), DType::F16);
}

#[test]
fn types_are_converted() {
    let folder = with_set("plain");
    let folder = folder.path();
    for dtype in [DType::F16, DType::I8, DType::Bf16] {
        succeed(folder, &format!("convert base.npy {dtype}.npy --dtype {dtype} --force"));
        let asked = (dtype == DType::Bf16).then_some(dtype);
        let (got, expected) =
            (block(folder, &format!("{dtype}.npy"), asked), block(folder, "base.npy", Some(dtype)));
        assert!(got.rows().eq(expected.rows()), "{dtype}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = with_set("plain");
    let folder = folder.path();
    assert!(fail(folder, "convert base.npy x.fbin --dtype i8", 2).contains(".i8bin"));
    let message = fail(folder, "convert base.npy x.csv", 2);
    assert!(
        message.starts_with("error: x.csv: the extension is none that can be written: .npy"),
        "{message}"
    );
    assert!(!message.contains("loadtxt"), "{message}");
    fail(folder, "convert base.npy x.npy --dtype bits", 2);
    fail(folder, "convert missing.npy x.npy", 1);
    let message = fail(folder, "convert base.npy x.npy --dtype u8", 1);
    assert!(message.contains("base.npy: row 0, column"), "{message}");
}

#[test]
fn the_only_type_of_an_output_is_scaled_to() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "convert base.npy a.i8bin --scale auto");
    succeed(folder, "convert base.npy b.i8bin --scale auto --dtype i8");
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(bytes("a.i8bin"), bytes("b.i8bin"));
}

#[test]
fn large_numbers_are_short_in_errors() {
    let folder = with_set("plain");
    let folder = folder.path();
    crate::support::write(folder, "large.npy", nearfield::Rows::F32(&[1.0, 1e30]), 2);
    let message = fail(folder, "convert large.npy x.f16bin", 1);
    assert!(message.contains("1e30 does not fit f16"), "{message}");
}

#[test]
fn bfloat16_becomes_other_types() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "convert base.npy b.npy --dtype bf16");
    let message = fail(folder, "convert b.npy x.npy --dtype f32", 2);
    assert!(message.contains("convert --from bf16"), "{message}");
    succeed(folder, "convert b.npy f.npy --dtype f32 --from bf16");
    let (got, expected) = (block(folder, "f.npy", None), block(folder, "b.npy", Some(DType::Bf16)));
    assert!(got.rows().eq(expected.rows()));
    succeed(folder, "convert b.npy f.f16bin --from bf16 --force");
    fail(folder, "convert b.npy x.npy --from bf16 --dtype bits", 2);
    fail(folder, "convert b.npy x.npy --from f16", 2);
    assert!(fail(folder, "convert base.npy x.npy --from bf16", 2).contains("no u16"));
}

//! Two fields, or two bindings, that change places are noticed.

use super::super::params::params;
use super::super::reflect::reflect;
use super::*;

params! {
    struct Two {
        first: u32,
        second: u32,
    }
}

const TEXT: &str = "
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<f32>;
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<f32>;
struct Params {
  first: u32,
  second: u32,
}
var<immediate> p: Params;
@compute @workgroup_size(1)
fn main() { out[p.first] = rows[p.second]; }
";

fn needs(text: &'static str) -> (Variant, Needs) {
    let variant = Variant::new::<Two>(Shader { name: "two", file: "test/two.wgsl", text });
    let wgsl = super::super::source::expand(&variant).unwrap();
    let needs = reflect("two", &wgsl).unwrap();
    (variant, needs)
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn fields_that_change_places_or_types_are_refused() {
    let (variant, right) = needs(TEXT);
    variant.check(&right).unwrap();
    let swapped = TEXT.replace("  first: u32,\n  second: u32,", "  second: u32,\n  first: u32,");
    let retyped =
        TEXT.replace("  second: u32,", "  second: f32,").replace("[p.second]", "[u32(p.second)]");
    let missing = TEXT.replace("  second: u32,\n", "").replace("p.second", "p.first");
    for text in [swapped, retyped, missing] {
        let (variant, wrong) = needs(leak(text));
        let error = variant.check(&wrong).unwrap_err().to_string();
        assert!(error.contains("the host passes") && error.contains("first"), "{error}");
    }
}

#[test]
fn bindings_go_by_their_names() {
    let names = |text| {
        let (_, needs) = needs(text);
        needs.bindings.into_iter().map(|binding| binding.name).collect::<Vec<_>>()
    };
    assert_eq!(names(TEXT), ["rows", "out"]);
    let lines: Vec<&str> = TEXT.lines().collect();
    let swapped = [&[lines[2], lines[1]], &lines[3..]].concat().join("\n");
    assert_eq!(names(leak(swapped)), ["out", "rows"]);
}

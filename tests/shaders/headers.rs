//! The line `Bindings:` of a shader's header names the bindings that the text declares, in their order.

use crate::assert_none;

/// The names in a header: of `Bindings: rows (n x d), out (n, out).` rows and out. What stands in parentheses is their shape.
fn named(wgsl: &str) -> Option<Vec<String>> {
    let comments = wgsl.lines().map_while(|line| line.strip_prefix("//"));
    let lines = comments.skip_while(|line| !line.trim_start().starts_with("Bindings:"));
    let lines: Vec<&str> =
        lines.take_while(|line| !line.trim_start().starts_with("Threads:")).collect();
    let text = lines.join(" ");
    let text = text.trim_start().strip_prefix("Bindings:")?;
    let (mut outside, mut depth) = (String::new(), 0);
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => outside.push(letter),
            _ => {}
        }
    }
    let names = outside.trim().trim_end_matches('.').split(',');
    Some(names.map(|name| name.trim().to_owned()).collect())
}

#[test]
fn every_header_names_the_bindings_as_they_are() {
    let variants = nearfield::kernel_variants().expect("the variants expand");
    let fault = |v: &nearfield::KernelVariant| match named(&v.wgsl) {
        None => Some(format!("{}: no line `Bindings:`", v.name)),
        Some(names) if names != v.bindings => {
            Some(format!("{}: the header has {names:?}, the text {:?}", v.name, v.bindings))
        }
        Some(_) => None,
    };
    println!("{} headers", variants.len());
    assert_none(variants.iter().filter_map(fault).collect());
}

#[test]
fn a_header_that_drifts_is_seen() {
    let header = "// f(x).\n// Bindings: rows (n x d, groups of four), scale (n),\n//   out (n, out).\n// Threads: 64.\n";
    assert_eq!(named(header).unwrap(), ["rows", "scale", "out"]);
    assert_ne!(named(&header.replace("scale (n), ", "")).unwrap(), ["rows", "out", "scale"]);
    assert!(named("// f(x).\n// Threads: 64.\n").is_none());
}

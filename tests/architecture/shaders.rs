//! An engine owns its shaders: they stand in `shaders/<engine>/`, `src/<engine>/kernels.rs` names them, and no other folder
//! does. `shaders/lib/` and folders called `decode` hold includes, which have no entry point.

use crate::circles::entry;
use crate::report;
use crate::source::{Source, Tree};

#[test]
fn every_shader_has_its_header_and_its_kernel() {
    let tree = Tree::of_the_repository();
    let shaders = entry_points(&tree);
    let problems = faults(&tree);
    report(&format!("{} shaders", shaders.len()), &problems);
}

/// A shader with entry points.
struct Shader<'a> {
    path: &'a str,
    engine: &'a str,
    name: &'a str,
}

fn entry_points(tree: &Tree) -> Vec<Shader<'_>> {
    let mut found = Vec::new();
    for path in tree.paths("shaders", "wgsl") {
        let inner = path.trim_start_matches("shaders/").trim_end_matches(".wgsl");
        let mut folders: Vec<&str> = inner.split('/').collect();
        let name = folders.pop().unwrap_or_default();
        if folders.first() != Some(&"lib") && !folders.contains(&"decode") {
            found.push(Shader { path, engine: folders.first().copied().unwrap_or_default(), name });
        }
    }
    found
}

/// A header without its parts, a shader that its engine does not name, a kernel that another folder names.
pub fn faults(tree: &Tree) -> Vec<String> {
    let sources = tree.sources();
    let mut problems = Vec::new();
    for shader in entry_points(tree) {
        let path = shader.path;
        problems.extend(header_faults(path, tree.text(path).unwrap_or_default()));
        if shader.engine.is_empty() {
            problems.push(format!("{path}: stands in no engine's folder"));
            continue;
        }
        if !sources.iter().any(|source| is_kernels(source, shader.engine) && names(source, &shader))
        {
            problems.push(format!("{path}: src/{}/kernels.rs does not name it", shader.engine));
        }
        let strangers = sources.iter().filter(|source| !is_owner(source, shader.engine));
        for source in strangers {
            for at in dispatched_by(source, &shader) {
                problems.push(format!(
                    "{}: the kernel of {path} is {}'s",
                    source.place(at),
                    shader.engine
                ));
            }
        }
    }
    problems
}

/// Before its first line of code: the formula, then `Bindings:`, `Threads:` and `Profile keys:`.
fn header_faults(path: &str, text: &str) -> Vec<String> {
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//")).collect();
    let mut problems = Vec::new();
    for word in ["Bindings:", "Threads:", "Profile keys:"] {
        if !header.iter().any(|line| line.contains(word)) {
            problems.push(format!("{path}: the header has no `{word}`"));
        }
    }
    if header.first().is_none_or(|line| line.contains("Bindings:") || line.len() < 8) {
        problems.push(format!("{path}: the header does not open with the formula"));
    }
    problems
}

/// The kernels of `shaders/device/` belong to the device and to the machinery of kernels: they measure what both stand on.
fn is_owner(source: &Source, engine: &str) -> bool {
    source.module() == Some(engine) || engine == "device" && source.module() == Some("kernel")
}

fn is_kernels(source: &Source, engine: &str) -> bool {
    let kernels = entry(&format!("src/{engine}"), &source.path) == Some("kernels");
    kernels || engine == "device" && is_owner(source, engine)
}

/// By its name, with or without the folder, or by its file.
fn names(source: &Source, shader: &Shader) -> bool {
    let (name, qualified) = (shader.name, format!("{}/{}", shader.engine, shader.name));
    source.tokens.iter().any(|token| {
        let text = token.text.trim_matches('"');
        let is_string = token.text.starts_with('"');
        is_string && (text == name || text == qualified || text.ends_with(&format!("/{name}.wgsl")))
    })
}

/// Where the source makes a variant of the kernel.
fn dispatched_by(source: &Source, shader: &Shader) -> Vec<usize> {
    let (bare, qualified) =
        (format!("\"{}\"", shader.name), format!("\"{}/{}\"", shader.engine, shader.name));
    (0..source.tokens.len())
        .filter(|&at| match source.texts(at, 5)[..] {
            ["Variant", "::", "new", "(", name] => name == bare || name == qualified,
            _ => false,
        })
        .collect()
}

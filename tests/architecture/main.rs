//! Runs without a GPU. Holds the source to the rules that a reader relies on: the direction of the layers, where wgpu and
//! `unsafe` may stand, the size of the files, the header of every shader, what the dependencies ask of the compiler.

mod manifest;
mod source;

use std::collections::BTreeMap;

use source::{Source, files, read, sources};

/// A module uses only what stands to its left. The modules of the first group are one ground, and may use each other.
const LAYERS: &[&[&str]] = &[
    &["error", "metric", "dtype", "parallel"],
    &["reference", "format"],
    &["device"],
    &["buffer"],
    &["kernel"],
    &["ops"],
    &["index"],
    &["collection", "io"],
    &["bin"],
];

const MAX_LINES: usize = 400;

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Prints what was checked, so that a check that found nothing to check is seen.
fn report(checked: &str, problems: &[String]) {
    println!("checked: {checked}");
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What `lib.rs` brings to the root, and the module that each name comes from.
fn root_names(sources: &[Source]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for lib in sources.iter().filter(|source| source.path == "src/lib.rs") {
        let mut at = 0;
        while at < lib.tokens.len() {
            if lib.tokens[at].text == "use" {
                let end = (at..lib.tokens.len()).find(|&i| lib.tokens[i].text == ";");
                let words: Vec<&str> = lib.texts(at + 1, end.unwrap_or(at) - at);
                let idents = || words.iter().filter(|w| w.starts_with(char::is_alphabetic));
                if let Some(module) = idents().find(|w| !matches!(**w, "crate" | "self")) {
                    let leaves = idents().map(|name| ((*name).to_owned(), (*module).to_owned()));
                    names.extend(leaves.filter(|(name, _)| layer(name).is_none()));
                }
            }
            at += 1;
        }
    }
    names
}

/// Each name that the file takes from the root of the crate, through `crate::` or enough `super::`, with its place.
fn names_from_root(source: &Source) -> Vec<(usize, &str)> {
    let depth = source.module().len();
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let after = match token.text.as_str() {
            "crate" if source.texts(at + 1, 2) == [":", ":"] => at + 3,
            "super" if at < 3 || source.tokens[at - 3].text != "super" => {
                let mut steps = 0;
                while source.texts(at + 3 * steps, 3) == ["super", ":", ":"] {
                    steps += 1;
                }
                if steps < depth + token.inline_modules {
                    continue;
                }
                at + 3 * steps
            }
            _ => continue,
        };
        found.extend(source.names_at(after).into_iter().map(|name| (at, name)));
    }
    found
}

#[test]
fn each_module_uses_only_what_stands_to_its_left() {
    let sources = sources();
    let from_root = root_names(&sources);
    let (mut problems, mut uses) = (Vec::new(), 0);
    for source in &sources {
        let Some(&module) = source.module().first() else { continue };
        let Some(own) = layer(module) else {
            problems.push(format!("{}: module {module} has no layer in LAYERS", source.path));
            continue;
        };
        for (at, name) in names_from_root(source) {
            let used = from_root.get(name).map_or(name, String::as_str);
            let Some(other) = layer(used) else { continue };
            uses += 1;
            if used != module && other >= own && (own, other) != (0, 0) {
                problems.push(format!("{}: {module} uses {used} ({name})", source.place(at)));
            }
        }
    }
    report(&format!("{uses} uses between modules, {} files", sources.len()), &problems);
}

#[test]
fn wgpu_is_named_only_by_device_buffer_and_kernel() {
    let sources = sources();
    let mut problems = Vec::new();
    for source in &sources {
        // The root may hand the crate on, for applications that adopt a device.
        if matches!(source.module().first(), None | Some(&("device" | "buffer" | "kernel"))) {
            continue;
        }
        let named = (0..source.tokens.len()).filter(|&at| source.tokens[at].text == "wgpu");
        problems.extend(named.map(|at| format!("{}: names wgpu", source.place(at))));
    }
    report(&format!("{} files", sources.len()), &problems);
}

#[test]
fn unsafe_stands_in_device_kernel_and_the_memory_map_with_its_reason() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for source in &sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        let module = source.module();
        let memory_map = source.path == "src/format/map.rs";
        let allowed = matches!(module.first(), Some(&("device" | "kernel"))) || memory_map;
        for at in (0..source.tokens.len()).filter(|&at| source.tokens[at].text == "unsafe") {
            count += 1;
            let line = source.tokens[at].line;
            if !allowed {
                problems.push(format!("{}: unsafe", source.place(at)));
            }
            if !lines[line.saturating_sub(8)..line].iter().any(|l| l.contains("SAFETY:")) {
                problems.push(format!("{}: unsafe without `SAFETY:` above it", source.place(at)));
            }
        }
    }
    report(&format!("{count} uses of unsafe"), &problems);
}

#[test]
fn nothing_panics_and_nothing_is_unfinished() {
    let sources = sources();
    let mut problems = Vec::new();
    for source in &sources {
        let oracle = source.module().first() == Some(&"reference");
        for at in 0..source.tokens.len() {
            let next = source.texts(at, 3);
            let word = match next[..] {
                [".", word @ ("unwrap" | "expect"), "("] if !oracle => word,
                [word @ ("panic" | "unreachable"), "!", ..] if !oracle => word,
                [word @ ("todo" | "unimplemented"), "!", ..] => word,
                _ => continue,
            };
            problems.push(format!("{}: {word}", source.place(at)));
        }
    }
    let marks = ["FIXME", "XXX", "#[ignore", "todo!(", "unimplemented!("];
    let extensions = ["rs", "wgsl", "sh", "toml", "cpp"];
    let folders = ["src", "tests", "benches", "examples", "shaders", "device-profiles"];
    let all: Vec<String> = folders.iter().flat_map(|folder| files(folder, &extensions)).collect();
    // This file has to spell what it looks for.
    for path in all.iter().filter(|path| *path != "tests/architecture/main.rs") {
        for (number, line) in read(path).lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                problems.push(format!("{path}:{}: {mark}", number + 1));
            }
        }
    }
    report(&format!("{} files of the crate, {} in all", sources.len(), all.len()), &problems);
}

#[test]
fn no_file_is_long() {
    let extensions = ["rs", "wgsl", "sh", "py", "cpp", "h"];
    let folders = ["src", "tests", "benches", "examples", "shaders"];
    let (mut problems, mut longest) = (Vec::new(), (0, String::new()));
    let all: Vec<String> = folders.iter().flat_map(|folder| files(folder, &extensions)).collect();
    for path in &all {
        let lines = read(path).lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{path}: {lines} lines, {MAX_LINES} is the most"));
        }
        longest = longest.max((lines, path.clone()));
    }
    report(
        &format!("{} files, the longest {} with {}", all.len(), longest.1, longest.0),
        &problems,
    );
}

/// A shader with entry points says, before its first line of code: the formula, then `Bindings:`, `Threads:` and
/// `Profile keys:`. Its Rust side is the file of the same name in `ops` (or `device`), or the registry names it.
#[test]
fn every_shader_has_its_header_and_its_twin() {
    let registry: String = files("src/kernel", &["rs"]).iter().map(|path| read(path)).collect();
    let rust = files("src", &["rs"]);
    let shaders: Vec<String> =
        files("shaders", &["wgsl"]).into_iter().filter(|p| p.matches('/').count() == 1).collect();
    let mut problems = Vec::new();
    for path in &shaders {
        let text = read(path);
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//")).collect();
        let has = |word: &str| header.iter().any(|line| line.contains(word));
        for word in ["Bindings:", "Threads:", "Profile keys:"] {
            if !has(word) {
                problems.push(format!("{path}: the header has no `{word}`"));
            }
        }
        if header.first().is_none_or(|line| line.contains("Bindings:") || line.len() < 8) {
            problems.push(format!("{path}: the header does not open with the formula"));
        }
        let name = path.trim_start_matches("shaders/").trim_end_matches(".wgsl");
        let twins = ["ops", "device"]
            .map(|layer| [format!("src/{layer}/{name}.rs"), format!("src/{layer}/{name}/mod.rs")]);
        let named =
            registry.contains(&format!("\"{name}\"")) || registry.contains(&format!("{name}.wgsl"));
        if !named && !twins.iter().flatten().any(|twin| rust.contains(twin)) {
            problems
                .push(format!("{path}: no src/ops/{name}.rs, and src/kernel/ does not name it"));
        }
    }
    report(&format!("{} shaders", shaders.len()), &problems);
}

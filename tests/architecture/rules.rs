//! What may stand where in the source: wgpu, `unsafe`, panics, unfinished work, and how long a file may be.

use crate::report;
use crate::source::{Tree, files, read};

const MAX_LINES: usize = 400;

#[test]
fn wgpu_is_named_only_by_device_buffer_and_kernel() {
    let sources = Tree::of_the_repository().sources();
    let mut problems = Vec::new();
    for source in &sources {
        // The root may hand the crate on, for applications that adopt a device.
        if matches!(source.module(), None | Some("device" | "buffer" | "kernel")) {
            continue;
        }
        // It takes an application's own buffer, and needs a kernel to do so.
        if source.place(0).starts_with("src/ops/from_buffer.rs:") {
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
    for source in &Tree::of_the_repository().sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        let module = source.module();
        let memory_map = module == Some("format") && source.path.contains("map");
        let allowed = matches!(module, Some("device" | "kernel")) || memory_map;
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
    let sources = Tree::of_the_repository().sources();
    let mut problems = Vec::new();
    for source in &sources {
        let oracle = source.module() == Some("reference");
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
    for path in all.iter().filter(|path| *path != "tests/architecture/rules.rs") {
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

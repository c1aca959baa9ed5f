//! What the README shows, taken apart: examples in Rust, packages that are added, lines for the shell.

use nearfield::format::create;
use nearfield::{DType, Rows};
use std::path::Path;
use std::process::Command;

/// A block of code.
struct Block {
    /// The line that it begins behind.
    line: usize,
    language: String,
    /// What else its first line says, as rustdoc reads it.
    attributes: Vec<String>,
    lines: Vec<String>,
}

/// An example, as a program of its own.
pub struct Example {
    pub line: usize,
    pub name: String,
    pub program: String,
    /// Whether it is run once it is built.
    pub runs: bool,
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for (number, line) in (1..).zip(text.lines()) {
        match (line.trim_start().strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                let mut words = info.split([',', ' ']).map(|word| word.trim().to_owned());
                let language = words.next().unwrap_or_default();
                let attributes = words.filter(|word| !word.is_empty()).collect();
                open = Some(Block { line: number, language, attributes, lines: Vec::new() });
            }
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of code has no end");
    blocks
}

/// Every block of Rust, but those that are marked as no example.
pub fn examples(text: &str) -> Vec<Example> {
    let is = |block: &Block, what: &str| block.attributes.iter().any(|a| a == what);
    let shown = |block: &Block| {
        block.language == "rust" && !is(block, "ignore") && !is(block, "compile_fail")
    };
    let example = |block: Block| Example {
        line: block.line,
        name: format!("readme_line_{}", block.line),
        program: program(&block.lines),
        runs: !is(&block, "no_run"),
    };
    blocks(text).into_iter().filter(shown).map(example).collect()
}

/// As rustdoc makes a program of an example.
fn program(lines: &[String]) -> String {
    let visible = |line: &String| match line.trim_start() {
        "#" => String::new(),
        hidden if hidden.starts_with("# ") => hidden[2..].to_owned(),
        _ => line.clone(),
    };
    let code = lines.iter().map(visible).collect::<Vec<_>>().join("\n") + "\n";
    if code.contains("fn main(") {
        code
    } else if code.trim_end().lines().next_back().is_some_and(|l| l.trim().starts_with("Ok::<")) {
        let inner = "fn inner() -> Result<(), impl std::fmt::Debug> {\n";
        format!("fn main() {{\n{inner}{code}}}\ninner().unwrap();\n}}\n")
    } else {
        format!("fn main() {{\n{code}}}\n")
    }
}

/// The lines for the shell, without comments, whole where they are continued.
fn shell_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in blocks(text) {
        let shell = ["sh", "bash", "shell", "console"].contains(&block.language.as_str());
        if !shell || block.attributes.iter().any(|word| word == "ignore") {
            continue;
        }
        for line in block.lines.join("\n").replace("\\\n", " ").lines() {
            let line = line.trim().trim_start_matches("$ ");
            let line = line.split(" #").next().unwrap_or_default().trim();
            if !line.is_empty() && !line.starts_with('#') {
                lines.push(line.to_owned());
            }
        }
    }
    lines
}

/// The words behind each `cargo add`.
pub fn added(text: &str) -> Vec<Vec<String>> {
    let words = |line: &String| {
        let words = line.strip_prefix("cargo add ")?;
        Some(words.split_whitespace().map(str::to_owned).collect())
    };
    shell_lines(text).iter().filter_map(words).collect()
}

/// The lines that start the program, also behind a pipe.
pub fn commands(text: &str) -> Vec<String> {
    let starts = |line: &String| {
        line.split('|').any(|part| part.split_whitespace().next() == Some("nearfield"))
    };
    shell_lines(text).into_iter().filter(starts).collect()
}

/// A folder with a base and queries of unit vectors under every name that a README would give them.
pub fn folder() -> tempfile::TempDir {
    const DIM: usize = 128;
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("base", 300), ("query", 7), ("queries", 7), ("rows", 300)] {
        let values: Vec<f32> =
            (0..rows * DIM).map(|i| (i * 7919 % 1009) as f32 / 1009.0 / 11.3).collect();
        for extension in ["npy", "fvecs", "fbin"] {
            let path = folder.path().join(format!("{name}.{extension}"));
            let mut out = create(path, DType::F32, DIM).unwrap();
            out.write(Rows::F32(&values)).unwrap();
            out.finish().unwrap();
        }
        let text = |i| format!("{name} {i}\n");
        let numbers = (0..rows).map(|i| format!("{i}\n"));
        for (of, lines) in [
            ("labels", (0..rows).map(text).collect::<String>()),
            ("ids", numbers.collect::<String>()),
        ] {
            if name == "base" {
                std::fs::write(folder.path().join(format!("{of}.txt")), lines).unwrap();
            }
        }
    }
    folder
}

/// A program, started as the driver at hand wants it.
pub fn command(program: &Path) -> Command {
    let runner = std::env::var("NEARFIELD_TEST_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().map(Path::new).chain([program]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}

/// Puts the program under its name into `folder`, for [`shell`].
#[cfg(unix)]
pub fn install(program: &Path, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let runner = std::env::var("NEARFIELD_TEST_RUNNER").unwrap_or_default();
    let script = format!("#!/bin/sh\nexec {runner} '{}' \"$@\"\n", program.display());
    let path = folder.join("nearfield");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a line of the shell in `folder`.
#[cfg(unix)]
pub fn shell(line: &str, folder: &Path) -> std::process::Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.display());
    Command::new("sh").args(["-c", line]).current_dir(folder).env("PATH", path).output().unwrap()
}

//! The package as it would be published: small, complete, and all that a stranger needs to run the lines of the README.
//!
//! It is built once, in the set that is run in full: on other drivers the same code would be compiled again to no other end.

mod readme;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Bytes of what is downloaded: crates.io takes ten times as much, but nobody likes to wait.
const MOST: u64 = 1_000_000;

/// Dependencies have to be optimised as in the repository, or they would be compiled anew.
const PROFILE: &str = "\n[profile.dev]\nopt-level = 1\ndebug = \"line-tables-only\"\n";

/// Bytes of the program without symbols. What is looked at is the build for tests, which is larger than a release.
const MOST_OF_PROGRAM: u64 = 20_000_000;

/// Packages that the library alone compiles, itself included. Each more costs every user a compilation.
const MOST_PACKAGES: usize = 95;

fn wanted() -> bool {
    let full = std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set != "full");
    if full {
        println!("skipped: the package is built once, by the full set (1)");
    }
    !full
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A place that stays from run to run, so that what has not changed is not built again.
fn place() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("package")
}

/// What cargo prints in a folder, on stderr where it fails. What it compiles on the way lies where this test was compiled, what
/// it makes in a place of its own: a program that is there already is one that other tests run.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let run = |offline: &str| {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(folder).args(arguments).env("CARGO_NET_OFFLINE", offline);
        command
            .env("CARGO_TARGET_DIR", place().join("target"))
            .env("CARGO_BUILD_BUILD_DIR", shared);
        let output = command.output().expect("cargo runs");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let success = output.status.success();
        if success { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    };
    // what cargo has downloaded is enough, unless the README names a package that it has not
    run("true").or_else(|offline| run("false").map_err(|online| format!("{offline}\n{online}")))
}

/// A program that it made.
fn built(name: &str) -> PathBuf {
    place().join("target/debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The packaged files, unpacked: the folder, and the size of the package.
fn package() -> &'static (PathBuf, u64) {
    static PACKAGE: OnceLock<(PathBuf, u64)> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let packed = place().join("packed");
        std::fs::create_dir_all(&packed).unwrap();
        let target = packed.to_str().unwrap();
        let arguments = ["package", "--no-verify", "--allow-dirty", "--target-dir", target];
        cargo(repository(), &arguments).unwrap_or_else(|said| panic!("{said}"));
        let name = format!("nearfield-{}", env!("CARGO_PKG_VERSION"));
        let file = packed.join(format!("package/{name}.crate"));
        let fresh = tempfile::tempdir_in(place()).unwrap();
        let unpacked =
            Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(fresh.path()).status();
        assert!(unpacked.expect("tar runs").success());
        let folder = place().join("nearfield");
        update(&fresh.path().join(name), &folder);
        (folder, std::fs::metadata(file).unwrap().len())
    })
}

/// Makes `to` what `from` is, and leaves alone what is equal: to cargo an untouched file is a file that has not changed.
fn update(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for old in std::fs::read_dir(to).unwrap().map(|entry| entry.unwrap().path()) {
        match (old.is_dir(), from.join(old.file_name().unwrap()).exists()) {
            (_, true) => {}
            (true, false) => std::fs::remove_dir_all(old).unwrap(),
            (false, false) => std::fs::remove_file(old).unwrap(),
        }
    }
    for new in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let old = to.join(new.file_name().unwrap());
        if new.is_dir() {
            update(&new, &old);
        } else {
            write(&old, &std::fs::read(&new).unwrap());
        }
    }
}

/// Writes a file, unless it is there and the same.
fn write(path: &Path, bytes: &[u8]) {
    if !std::fs::read(path).is_ok_and(|old| old == bytes) {
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_package_is_small_and_complete() {
    if !wanted() {
        return;
    }
    let (folder, size) = package();
    assert!(*size < MOST, "{size} bytes, {MOST} is the limit");
    for name in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "Cargo.lock"] {
        let packed = std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!packed.is_empty(), "{name}");
    }
    // the program, its suites, shaders and profiles included
    cargo(folder, &["build", "--locked", "--features", "cli", "--bins", "--examples"])
        .unwrap_or_else(|said| panic!("{said}"));
    // the features that are left out are named where they are missed
    let mut program = readme::command(&built("nearfield"));
    let output = program.args(["bench", "--svg", "charts"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--features cli,charts"), "{said}");
    let tree = ["tree", "--locked", "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(folder, &tree).unwrap_or_else(|said| panic!("{said}"));
    let names = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    let packages: std::collections::BTreeSet<&str> = names.collect();
    assert!(packages.len() > 20, "{tree}");
    // Windows has the crates of its API beside them
    let most = MOST_PACKAGES + if cfg!(windows) { 15 } else { 0 };
    assert!(packages.len() <= most, "{} packages:\n{tree}", packages.len());
    let bare = place().join("bare");
    let strip = Command::new("strip").arg("-o").arg(&bare).arg(built("nearfield")).status();
    if strip.is_ok_and(|status| status.success()) {
        let program = std::fs::metadata(bare).unwrap().len();
        assert!(program < MOST_OF_PROGRAM, "{program} bytes, {MOST_OF_PROGRAM} is the limit");
    } else {
        println!("skipped: the size of the program, without the tool strip (1)");
    }
}

/// An empty project that depends on the package, each example of the README a program of its own, as if it were pasted.
#[test]
fn the_examples_of_the_readme_run_in_an_empty_project() {
    if !wanted() {
        return;
    }
    let (package, _) = package();
    let project = place().join("project");
    let programs = project.join("src/bin");
    std::fs::create_dir_all(&programs).unwrap();
    let manifest = "[package]\nname = \"readme\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::write(project.join("Cargo.toml"), format!("{manifest}{PROFILE}")).unwrap();
    // the versions that are downloaded
    std::fs::copy(package.join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let text = std::fs::read_to_string(package.join("README.md")).unwrap();
    let examples = readme::examples(&text);
    assert!(!examples.is_empty(), "the README has no example");
    for old in std::fs::read_dir(&programs).unwrap().map(|entry| entry.unwrap().path()) {
        let is = |example: &readme::Example| old.ends_with(format!("{}.rs", example.name));
        if !examples.iter().any(is) {
            std::fs::remove_file(old).unwrap();
        }
    }
    for example in &examples {
        write(&programs.join(format!("{}.rs", example.name)), example.program.as_bytes());
    }
    let mut added = vec![vec!["nearfield".to_owned()]];
    added.extend(readme::added(&text));
    for words in added {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.contains(&"nearfield") {
            words.retain(|word| *word != "nearfield");
            let path = package.to_str().unwrap();
            let own = [
                &["add", "--path", path][..],
                if words.iter().any(|w| !w.starts_with('-')) { &[] } else { &words },
            ];
            cargo(&project, &own.concat()).unwrap_or_else(|said| panic!("{said}"));
        }
        if words.iter().any(|word| !word.starts_with('-')) {
            let others = [&["add"][..], &words].concat();
            cargo(&project, &others).unwrap_or_else(|said| panic!("{others:?}: {said}"));
        }
    }
    cargo(&project, &["build", "--bins"]).unwrap_or_else(|said| panic!("{said}"));
    let folder = readme::folder();
    for example in examples.iter().filter(|example| example.runs) {
        let program = built(&example.name);
        let output = readme::command(&program).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "README.md, line {}: {said}", example.line);
    }
    println!("count: readme examples {}", examples.len());
}

/// The lines for the shell, one after the other in a folder that has the files which they name.
#[cfg(all(unix, feature = "cli"))]
#[test]
fn the_commands_of_the_readme_run() {
    if !wanted() {
        return;
    }
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let (folder, lines) = (readme::folder(), readme::commands(&text));
    assert!(!lines.is_empty(), "the README has no line with the program");
    let program = Path::new(env!("CARGO_BIN_EXE_nearfield"));
    readme::install(program, folder.path());
    for line in &lines {
        // measurements take minutes: their options have to be there
        let words: Vec<&str> = line.split_whitespace().collect();
        let measures = ["bench", "tune"].contains(words.get(1).unwrap_or(&""));
        let run = if measures { format!("nearfield {} --help", words[1]) } else { line.clone() };
        let output = readme::shell(&run, folder.path());
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{line}: {}", said(&output.stderr));
        for option in words.iter().filter(|word| measures && word.starts_with("--")) {
            assert!(said(&output.stdout).contains(option), "{line}: there is no {option}");
        }
    }
    println!("count: readme commands {}", lines.len());
}

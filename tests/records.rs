//! Runs without a GPU. Holds the README's figures to the records that they come from, and the scripts of benches/ to each
//! other. They are Python: where there is none, or no numpy, the check is counted as skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs Python on the arguments; `None` where it cannot import `module`, which is printed.
fn python(module: &str, arguments: &[&str]) -> Option<Output> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        // no compiled modules beside the scripts
        command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root()).args(arguments).output()
    };
    if !run(&["-c", &format!("import {module}")]).is_ok_and(|probe| probe.status.success()) {
        println!("skipped: no python3 with {module} (1)");
        return None;
    }
    Some(run(arguments).expect("python3 ran a moment ago"))
}

#[test]
fn the_readme_says_what_the_records_say() {
    let Some(check) = python("json", &["benches/tables.py", "--check"]) else { return };
    let message = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.success(), "{message}");
}

#[test]
fn the_peers_search_the_rows_that_bench_searches() {
    let line = ["benches/peers/data.py", "--rows", "32769", "--dim", "2"];
    let Some(run) = python("numpy", &line) else { return };
    let message = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{message}");
    let text = String::from_utf8_lossy(&run.stdout);
    let values: Vec<f32> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    // the same numbers stand in src/bin/nearfield/commands/bench/data.rs
    assert_eq!(values, [0.404_112_34, 0.271_334_17, 0.301_096_44, 0.421_958_45]);
}

#[test]
fn the_peers_search_the_bits_that_bench_searches() {
    let line = ["benches/peers/data.py", "--bits", "--rows", "32769", "--dim", "11"];
    let Some(run) = python("numpy", &line) else { return };
    let message = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{message}");
    let text = String::from_utf8_lossy(&run.stdout);
    let bytes: Vec<u8> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    // the same bytes stand in src/bin/nearfield/commands/bench/data.rs
    assert_eq!(bytes, [26, 6, 116, 61, 1]);
}

#[test]
fn every_script_is_python() {
    let mut scripts: Vec<PathBuf> = Vec::new();
    for folder in ["benches", "benches/peers"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        scripts.extend(files.filter(|path| path.extension().is_some_and(|e| e == "py")));
    }
    assert!(scripts.len() > 5, "{scripts:?}");
    for script in scripts {
        let path = script.to_str().unwrap();
        let parse = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
        let Some(run) = python("ast", &["-c", parse, path]) else { return };
        assert!(run.status.success(), "{path}: {}", String::from_utf8_lossy(&run.stderr));
    }
}

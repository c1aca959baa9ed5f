//! `Cargo.toml`, the dependencies' minimum compilers, and the licences.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::report;
use crate::source::{read, root};

#[test]
fn every_dependency_says_why() {
    let text = read("Cargo.toml");
    let (mut section, mut previous, mut count) = (String::new(), String::new(), 0);
    let mut problems = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section.ends_with("dependencies]") && line.contains('=') && !line.starts_with('#')
        {
            count += 1;
            if !previous.starts_with('#') {
                problems.push(format!("Cargo.toml: no reason above `{line}`"));
            }
        }
        previous = line.to_owned();
    }
    report(&format!("{count} dependencies"), &problems);
}

#[test]
fn no_dependency_needs_a_newer_compiler_than_ours() {
    let (metadata, scope) = metadata();
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).map(|node| (text(&node["id"]), node)).collect();
    let root = text(&metadata["resolve"]["root"]);
    let ours = text(&packages[root]["rust_version"]);
    let (mut seen, mut queue) = (BTreeSet::from([root]), vec![root]);
    let (mut problems, mut silent) = (Vec::new(), 0);
    while let Some(id) = queue.pop() {
        match packages[id]["rust_version"].as_str() {
            Some(needed) if numbers(needed) > numbers(ours) => {
                problems.push(format!("{id} needs Rust {needed}, ours is {ours}"));
            }
            Some(_) => {}
            None => silent += 1,
        }
        for dependency in list(&nodes[id]["deps"]) {
            let needed = list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
            let dependency = text(&dependency["pkg"]);
            if needed && seen.insert(dependency) {
                queue.push(dependency);
            }
        }
    }
    let checked =
        format!("{} packages {scope} against Rust {ours}; {silent} state none", seen.len());
    report(&checked, &problems);
}

/// Of every platform where cargo has downloaded them all, else of this one.
fn metadata() -> (Value, &'static str) {
    let host = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let host = String::from_utf8_lossy(&host.stdout).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let filtered = ["--filter-platform", host];
    for (filter, scope) in
        [(&[][..], "for every platform"), (&filtered[..], "for this platform alone")]
    {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--all-features"])
            .args(filter)
            .current_dir(root())
            .output()
            .expect("cargo runs");
        if output.status.success() {
            return (
                serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON"),
                scope,
            );
        }
    }
    panic!("cargo metadata --offline fails");
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `1.88` is `[1, 88]`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

#[test]
fn both_licences_are_here() {
    let licences = [
        ("LICENSE-MIT", "Permission is hereby granted, free of charge"),
        ("LICENSE-APACHE", "Apache License"),
    ];
    for (file, sentence) in licences {
        assert!(read(file).contains(sentence), "{file} is not what its name says");
    }
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    report("2 licences", &[]);
}

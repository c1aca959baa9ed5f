//! No two files use each other in a circle, nor do two folders, or a folder and a file, that stand side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::report;
use crate::source::Tree;
use crate::uses::{Use, Uses};

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = Uses::of(&Tree::of_the_repository());
    let mut problems = uses.problems.clone();
    problems.extend(circles_of_files(&uses));
    report(&format!("{} files, {} uses between them", uses.files.len(), uses.all.len()), &problems);
}

#[test]
fn no_folders_use_each_other_in_a_circle() {
    let uses = Uses::of(&Tree::of_the_repository());
    let folders = folders(&uses);
    report(
        &format!("what stands side by side in {} folders", folders.len()),
        &circles_of_folders(&uses),
    );
}

/// One text a circle: its files, and the names that tie each to the next.
pub fn circles_of_files(uses: &Uses) -> Vec<String> {
    circles(uses.all.iter().map(|u| (&*u.from, &*u.to, u)))
        .into_iter()
        .map(|circle| described(&format!("{} files", circle.nodes.len()), &circle))
        .collect()
}

/// The same of what stands in one folder, each folder in it taken as one. `src` itself is left to the layers, which allow its
/// ground to be one; circles of files alone are left to `circles_of_files`.
pub fn circles_of_folders(uses: &Uses) -> Vec<String> {
    let mut problems = Vec::new();
    for folder in folders(uses) {
        let inside = |u: &'_ &Use| entry(&folder, &u.from).zip(entry(&folder, &u.to)).is_some();
        let edges = uses.all.iter().filter(inside).filter_map(|u| {
            let (from, to) = entry(&folder, &u.from).zip(entry(&folder, &u.to))?;
            (from != to).then_some((from, to, u))
        });
        for circle in circles(edges) {
            let is_folder = |node: &&str| {
                let below = format!("{folder}/{node}/");
                uses.files.iter().any(|file| file.starts_with(&below))
            };
            if circle.nodes.iter().any(is_folder) {
                let nodes: Vec<&str> = circle.nodes.iter().copied().collect();
                problems.push(described(&format!("{} in {folder}/", nodes.join(", ")), &circle));
            }
        }
    }
    problems
}

/// Every folder below `src`.
fn folders(uses: &Uses) -> BTreeSet<String> {
    let above = |file: &str| {
        let ends: Vec<usize> = file.match_indices('/').map(|(at, _)| at).skip(1).collect();
        ends.into_iter().map(|end| file[..end].to_owned()).collect::<Vec<_>>()
    };
    uses.files.iter().flat_map(|file| above(file)).collect()
}

/// What stands in `folder` and is or holds `file`, without its extension: `scan` is both `scan.rs` and `scan/tile.rs`.
pub fn entry<'a>(folder: &str, file: &'a str) -> Option<&'a str> {
    let inner = file.strip_prefix(folder)?.strip_prefix('/')?;
    let first = inner.split('/').next()?;
    Some(first.trim_end_matches(".rs"))
}

struct Circle<'a> {
    nodes: BTreeSet<&'a str>,
    uses: Vec<&'a Use>,
}

/// The strongly connected components of two or more nodes, each with the uses inside it.
fn circles<'a>(edges: impl Iterator<Item = (&'a str, &'a str, &'a Use)>) -> Vec<Circle<'a>> {
    let edges: Vec<_> = edges.collect();
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to, _) in &edges {
        next.entry(from).or_default().insert(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|node| (*node, reached(&next, node))).collect();
    let mutual = |a: &str, b: &str| {
        let reaches = |a, b| reached.get(a).is_some_and(|all| all.contains(b));
        reaches(a, b) && reaches(b, a)
    };
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for node in next.keys() {
        let nodes: BTreeSet<&str> =
            next.keys().copied().filter(|other| mutual(node, other)).collect();
        if nodes.len() > 1 && seen.insert(nodes.clone()) {
            let inside =
                edges.iter().filter(|(from, to, _)| nodes.contains(from) && nodes.contains(to));
            found.push(Circle { uses: inside.map(|(_, _, u)| *u).collect(), nodes });
        }
    }
    found
}

/// Everything that `start` leads to, over one edge or more.
fn reached<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![start];
    while let Some(node) = open.pop() {
        for to in next.get(node).into_iter().flatten() {
            if found.insert(*to) {
                open.push(to);
            }
        }
    }
    found
}

fn described(what: &str, circle: &Circle) -> String {
    format!("circle of {what}:{}", listed(&circle.uses))
}

/// A line for each pair of files, with every name that the first uses of the second.
pub fn listed(uses: &[&Use]) -> String {
    let mut pairs: BTreeMap<(&str, &str), Vec<&Use>> = BTreeMap::new();
    for u in uses {
        pairs.entry((&u.from, &u.to)).or_default().push(u);
    }
    let mut text = String::new();
    for ((from, to), uses) in pairs {
        let names: Vec<String> =
            uses.iter().map(|u| format!("{} (line {})", u.name, u.line)).collect();
        let _ = write!(text, "\n    {from} uses {to}: {}", names.join(", "));
    }
    text
}

//! What is kept of compiled kernels, and what is said where nothing can be compiled or kept.

use crate::common::{open, options};
use nearfield_metal::{Options, instance};
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn adds_one(options: Options) {
    let wgsl = "
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<u32>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) t: u32) { b[t] = a[t] + 1u; }";
    assert_eq!(open(options).run_group(wgsl, &[1_u32, 2, 3, 4]), Ok(vec![2, 3, 4, 5]));
}

#[test]
fn what_was_damaged_in_the_cache_is_compiled_again() {
    let Some(options) = options() else { return };
    let whole = folder("whole");
    adds_one(Options { cache: whole.clone(), ..options.clone() });
    let empty = |_: Vec<u8>| Vec::new();
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let other = |bytes: Vec<u8>| vec![b'x'; bytes.len()];
    let damages: [&dyn Fn(Vec<u8>) -> Vec<u8>; 3] = [&empty, &half, &other];
    for (number, damage) in damages.iter().enumerate() {
        // A folder of its own: what a process has made it trusts.
        let cache = folder(&format!("damaged-{number}"));
        let _ = fs::remove_dir_all(&cache);
        fs::create_dir_all(&cache).unwrap();
        for entry in fs::read_dir(&whole).unwrap() {
            let file = entry.unwrap().path();
            let bytes = fs::read(&file).unwrap();
            let keeps = file.extension().is_some_and(|extension| extension == "key");
            let bytes = if keeps { bytes } else { damage(bytes) };
            fs::write(cache.join(file.file_name().unwrap()), bytes).unwrap();
        }
        adds_one(Options { cache, ..options.clone() });
    }
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let Some(options) = options() else { return };
    let file = folder("a file");
    fs::write(&file, "").unwrap();
    let words = instance(Options { cache: file.join("cache"), ..options }).unwrap_err();
    assert!(words.contains("a file/cache"), "{words}");
}

#[test]
fn a_compiler_that_is_none_is_named() {
    let Some(options) = options() else { return };
    let cache = folder("none");
    for clang in ["no-such-compiler", "false"] {
        let options = Options { clang: clang.to_owned(), cache: cache.clone(), ..options.clone() };
        let words = instance(options).unwrap_err();
        assert!(words.contains(clang), "{words}");
    }
}

//! Where compiled pipelines are kept: nowhere at no harm, or where they were asked for.

use crate::support::{command, with_set};
use std::path::Path;

/// Status and stderr of a small search with these variables.
fn search(folder: &Path, set: &[(&str, &str)]) -> (bool, String) {
    let words = "search --base base.npy --query query.npy --out hits -k 2".split_whitespace();
    let mut command = command(folder, &words.collect::<Vec<_>>());
    command.env_remove("NEARFIELD_CACHE_DIR").envs(set.iter().copied());
    let output = command.output().expect("a program");
    (output.status.success(), String::from_utf8(output.stderr).expect("text"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_cannot_be_written_is_a_line_of_the_log() {
    let folder = with_set("plain");
    let folder = folder.path();
    if !nearfield::Gpu::new().expect("an adapter").caps().pipeline_cache {
        println!("skipped: the adapter keeps no pipelines (1)");
        return;
    }
    let nowhere = [("XDG_CACHE_HOME", "/dev/null/x"), ("RUST_LOG", "nearfield=info")];
    let (ended, text) = search(folder, &nowhere);
    assert!(
        ended && text.matches("compiled pipelines cannot be kept: /dev/null/x").count() == 1,
        "{text}"
    );
    let (ended, text) = search(folder, &nowhere[..1]);
    assert!(ended && !text.contains("pipelines"), "{text}");

    let (ended, text) = search(folder, &[("NEARFIELD_CACHE_DIR", "/dev/null/x")]);
    assert!(!ended && text.contains("NEARFIELD_CACHE_DIR: /dev/null/x"), "{text}");

    let kept = folder.join("kept");
    let kept = [("NEARFIELD_CACHE_DIR", kept.to_str().expect("text"))];
    let (ended, text) = search(folder, &kept);
    let files = || std::fs::read_dir(kept[0].1).expect("a folder").count();
    assert!(ended && files() == 1, "{text}");
    let off = [("NEARFIELD_CACHE_DIR", "off"), ("NEARFIELD_DISABLE", "cache")];
    assert!(search(folder, &off).0 && !folder.join("off").exists());
}

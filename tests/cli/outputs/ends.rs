//! Ends that have nothing to do with the rows: a wait for another process, no room in a file, and files that are pipes.
#![cfg(unix)]

use super::{ended, signal};
use crate::support::{command, names, start, with_set};
use nearfield::format::AtomicFile;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LINES: [&str; 2] =
    ["convert base.npy x.fbin", "search --base base.npy --query query.npy -k 3 --out x"];

/// Waits for the end, which has to come within a minute.
fn soon_ended(mut child: Child, line: &str) -> crate::support::Run {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{line}: no end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ended(child)
}

/// Waits until a run has as many unfinished files as it will have, and half a second more.
fn until_it_waits(folder: &Path, files: usize) {
    let begin = Instant::now();
    let unfinished = || names(folder).iter().filter(|name| name.ends_with(".tmp")).count();
    while unfinished() < files && begin.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn a_wait_for_the_folder_ends_by_a_signal_or_by_the_other_process() {
    let folder = with_set("plain");
    let folder = folder.path();
    let before = names(folder);
    for (line, files) in LINES.into_iter().zip([2, 3]) {
        for stopped in [true, false] {
            let other = AtomicFile::create(folder.join("other")).unwrap();
            let other = AtomicFile::ready_all([other], [], &mut || Ok(())).unwrap();
            let mut child = start(folder, line);
            until_it_waits(folder, files);
            // Drivers may take their time.
            std::thread::sleep(Duration::from_secs(if files > 2 { 4 } else { 0 }));
            assert!(child.try_wait().unwrap().is_none(), "{line}: it does not wait");
            if stopped {
                signal(&child, "INT");
                assert_eq!(soon_ended(child, line).status, 130, "{line}");
                drop(other);
                assert_eq!(names(folder), before, "{line}");
            } else {
                drop(other);
                let run = soon_ended(child, line);
                assert_eq!(run.status, 0, "{line}: {}", run.stderr);
                assert!(names(folder).len() > before.len());
                for name in names(folder).iter().filter(|name| name.starts_with("x.")) {
                    std::fs::remove_file(folder.join(name)).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_leaves_nothing() {
    let folder = with_set("plain");
    let folder = folder.path();
    let before = names(folder);
    let program = command(folder, &["convert", "base.npy", "x.fbin"]);
    // 8 blocks, of 512 or 1024 bytes: the shells differ.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 8 && exec \"$@\"", "sh"]).arg(program.get_program());
    let output = limited.args(program.get_args()).current_dir(folder).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}: {message}", output.status);
    assert!(message.contains("x.fbin"), "{message}");
    assert_eq!(names(folder), before);
}

#[test]
fn pipes_are_refused_and_not_waited_for() {
    let folder = with_set("plain");
    let folder = folder.path();
    for name in ["pipe.npy", "p.ids.npy", "p.lims.npy"] {
        assert!(Command::new("mkfifo").arg(folder.join(name)).status().unwrap().success());
    }
    let before = names(folder);
    for line in [
        "convert pipe.npy x.fbin",
        "convert base.npy pipe.npy",
        "search --base pipe.npy --query query.npy -k 3 --out x",
        "search --base base.npy --query pipe.npy -k 3 --out x",
        "search --base base.npy --query query.npy -k 3 --deny pipe.npy --out x",
        "search --base base.npy --query query.npy -k 3 --out p",
        "range --base base.npy --query query.npy --radius 1 --out p",
    ] {
        let mut command = command(folder, &line.split(' ').collect::<Vec<_>>());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let run = soon_ended(child, line);
        assert_eq!(run.status, 1, "{line}: {}", run.stderr);
        assert!(run.stderr.contains("not a regular file"), "{line}: {}", run.stderr);
        assert_eq!(names(folder), before, "{line}");
    }
}

//! Outputs as a set: what is refused before any work, what links lead to, and what signals, killed runs and runs of the same
//! name leave.

use crate::support::{Run, command, fail, names, nearfield, start, succeed, with_set, write};
use nearfield::Rows;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod ends;

const SEARCH: &str = "search --base base.npy --query query.npy -k 3";

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_prefix_that_is_a_folder_is_refused() {
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::create_dir(folder.join("there")).unwrap();
    for command in [SEARCH, "range --base base.npy --query query.npy --radius 1"] {
        for prefix in ["there", "there/", "new/", "."] {
            let message = fail(folder, &format!("{command} --out {prefix}"), 2);
            assert!(message.contains("is a folder"), "{message}");
        }
        let words = command.split_whitespace().chain(["--out", ""]);
        let run = nearfield(folder, &words.collect::<Vec<_>>());
        assert!(run.status == 2 && run.stderr.contains("--out"), "{}", run.stderr);
    }
    assert_eq!(names(&folder.join("there")), [""; 0]);
    fail(folder, "convert base.npy new.npy/", 1);
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = with_set("plain");
    let folder = folder.path();
    let before = bytes(folder, "base.npy");
    std::fs::copy(folder.join("base.npy"), folder.join("r.dist.npy")).unwrap();
    std::fs::hard_link(folder.join("query.npy"), folder.join("q.ids.npy")).unwrap();
    std::fs::write(folder.join("mine.toml"), "measured = true\n").unwrap();
    for (line, named) in [
        ("search --base r.dist.npy --query query.npy -k 3 --out r", "r.dist.npy would be"),
        ("search --base base.npy --query query.npy -k 3 --out q", "over query.npy, which is read"),
        ("search --base base.npy --query query.npy -k 3 --deny ./r.ids.npy --out r", "r.ids.npy"),
        ("range --base base.npy --query r.dist.npy --radius 1 --out ./r", "r.dist.npy"),
        ("search --base base.npy --query query.npy -k 1 --metric wgsl:w.ids.npy --out w", "w.ids"),
        ("convert base.npy base.npy --dtype f16", "base.npy, which is read"),
        ("convert query.npy q.ids.npy", "q.ids.npy would be"),
        ("bench --csv a.csv --json ./a.csv", "a.csv"),
        ("bench --suite mine.toml --json mine.toml", "mine.toml, which is read"),
    ] {
        // An output that is not there yet is told from an input by its name alone.
        let line = line.replace("./r.ids", "r.ids");
        let line = line.replace("./a.csv", "a.csv");
        let message = fail(folder, &line, 2);
        assert!(message.contains(named), "{line}: {message}");
    }
    assert_eq!(bytes(folder, "base.npy"), before);
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_unless_it_leads_nowhere() {
    use std::os::unix::fs::symlink;
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::create_dir(folder.join("far")).unwrap();
    std::fs::write(folder.join("far/ids"), "before").unwrap();
    symlink("far/ids", folder.join("r.ids.npy")).unwrap();
    succeed(folder, &format!("{SEARCH} --out r"));
    assert!(folder.join("r.ids.npy").is_symlink());
    succeed(folder, &format!("{SEARCH} --out s"));
    assert_eq!(bytes(folder, "far/ids"), bytes(folder, "s.ids.npy"));
    // Both outputs would be one file.
    symlink("far/ids", folder.join("t.ids.npy")).unwrap();
    symlink("far/ids", folder.join("t.dist.npy")).unwrap();
    assert!(fail(folder, &format!("{SEARCH} --out t"), 2).contains("written, too"));
    symlink("nowhere", folder.join("u.ids.npy")).unwrap();
    assert!(fail(folder, &format!("{SEARCH} --out u"), 1).contains("leads nowhere"));
    symlink("base.npy", folder.join("v.dist.npy")).unwrap();
    assert!(fail(folder, &format!("{SEARCH} --out v"), 2).contains("base.npy, which is read"));
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = with_set("plain");
    let folder = folder.path();
    for (line, wrote) in [
        ("devices", None),
        ("devices --json", None),
        (&*format!("{SEARCH} --out r --json"), Some("r.ids.npy")),
        ("convert base.npy a.fvecs", Some("a.fvecs")),
        ("bench --only 2000", None),
        ("search --help", None),
    ] {
        let mut child = start(folder, line);
        drop(child.stdout.take());
        let run = ended(child);
        assert_eq!(
            (run.status, run.stderr.contains("error")),
            (0, false),
            "{line}: {}",
            run.stderr
        );
        assert!(wrote.is_none_or(|name| folder.join(name).exists()), "{line}");
    }
}

/// Where stdout is full after the outputs got their names, the error says that they are there.
#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_told_from_failed_work() {
    let folder = with_set("plain");
    let folder = folder.path();
    for (line, wrote) in [
        (&*format!("{SEARCH} --out r --json"), "written: r.ids.npy, r.dist.npy"),
        ("convert base.npy a.fvecs --json", "written: a.fvecs"),
        ("convert base.npy b.fvecs", "written: b.fvecs"),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(folder, &line.split_whitespace().collect::<Vec<_>>());
        let output = command.stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && stderr.contains(wrote), "{line}: {stderr}");
    }
    for name in ["r.ids.npy", "r.dist.npy", "a.fvecs", "b.fvecs"] {
        assert!(folder.join(name).exists(), "{name}");
    }
}

/// A program under `nohup` goes on.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let folder = with_much();
    let folder = folder.path();
    let words = "search --base base.npy --query query.npy --metric l1 -k 9 --out r".split(' ');
    let program = command(folder, &words.collect::<Vec<_>>());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(program.get_program());
    shell.args(program.get_args()).current_dir(folder);
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    signal(&child, "HUP");
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "TERM");
    assert_eq!(ended(child).status, 143);
}

fn ended(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let status = output.status.code().expect("an exit status");
    Run { status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// A folder whose searches, conversions and so on last for many seconds on any software driver.
#[cfg(unix)]
fn with_much() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<f32> =
        (0..60_000 * 128).map(|i| (i % 9973 * 7919 % 1000) as f32 / 1000.0).collect();
    write(folder.path(), "base.npy", Rows::F32(&rows), 128);
    write(folder.path(), "query.npy", Rows::F32(&rows[..20_000 * 128]), 128);
    folder
}

/// What stops a program is found at any time of its run; nothing but the inputs is there afterwards.
#[cfg(unix)]
#[test]
fn signals_leave_nothing_behind() {
    let folder = with_much();
    let folder = folder.path();
    let before = names(folder);
    let search = "search --base base.npy --query query.npy --metric l1 -k 9 --out r";
    for (line, name, status, wait) in [
        (search, "INT", 130, 30),
        (search, "TERM", 143, 1500),
        (
            "range --base base.npy --query query.npy --metric l1 --radius 9 --out r",
            "INT",
            130,
            1500,
        ),
        (&*format!("{search} --memory-budget 24M"), "TERM", 143, 1500),
        ("bench --csv r.csv --json r.json", "INT", 130, 1000),
        ("tune --quick --out r.toml", "TERM", 143, 1000),
        (search, "HUP", 129, 1500),
    ] {
        // Whoever runs the tests under `nohup` has programs outlive that signal.
        let ignored = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
            mask.is_some_and(|mask| mask.trim().ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']))
        });
        if name == "HUP" && (ignored || cfg!(not(target_os = "linux"))) {
            continue;
        }
        let child = start(folder, line);
        std::thread::sleep(Duration::from_millis(wait));
        let sent = Instant::now();
        signal(&child, name);
        let run = ended(child);
        assert_eq!(run.status, status, "{line}: {}{}", run.stdout, run.stderr);
        assert!(sent.elapsed() < Duration::from_secs(5), "{line}: {:?}", sent.elapsed());
        assert_eq!(names(folder), before, "{line}");
        assert!(!run.stderr.contains("panicked"), "{line}: {}", run.stderr);
    }
}

/// A file of zeros that takes no room: its header is that of a smaller one, with another number of rows.
#[cfg(unix)]
#[test]
fn a_signal_leaves_nothing_of_a_conversion() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "big.fbin", Rows::F32(&[0.0; 128]), 128);
    let rows = 4_000_000u32;
    let file = std::fs::OpenOptions::new().write(true).open(folder.join("big.fbin")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &rows.to_le_bytes(), 0).unwrap();
    file.set_len(8 + u64::from(rows) * 512).unwrap();
    let child = start(folder, "convert big.fbin r.f16bin");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let run = ended(child);
    assert_eq!((run.status, names(folder)), (130, vec!["big.fbin".to_owned()]), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn outputs_of_an_earlier_run_outlive_a_signal() {
    let folder = with_much();
    let folder = folder.path();
    for name in ["r.ids.npy", "r.dist.npy"] {
        std::fs::write(folder.join(name), "before").unwrap();
    }
    let before = names(folder);
    let child = start(folder, "search --base base.npy --query query.npy --metric l1 -k 9 --out r");
    std::thread::sleep(Duration::from_millis(800));
    // The second does not wait for what the first began.
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(30));
    signal(&child, "INT");
    assert_eq!(ended(child).status, 130);
    assert_eq!(names(folder), before);
    assert_eq!(
        (bytes(folder, "r.ids.npy"), bytes(folder, "r.dist.npy")),
        (b"before".to_vec(), b"before".to_vec())
    );
}

/// Both searches have hits of the same names, and the limits belong to those of one alone.
#[test]
fn a_search_and_a_range_search_of_one_prefix_do_not_mix() {
    let folder = with_set("plain");
    let folder = folder.path();
    let search = format!("{SEARCH} --out r");
    let range = "range --base base.npy --query query.npy --radius 1e30 --out r";
    succeed(folder, range);
    let before = names(folder);
    assert!(before.contains(&"r.lims.npy".to_owned()));
    fail(folder, &format!("{search} --adapter abacus"), 1);
    assert_eq!(names(folder), before);
    // Nor is it removed where it is read.
    let message = fail(folder, &format!("{search} --deny r.lims.npy"), 2);
    assert!(message.contains("r.lims.npy, which is read"), "{message}");
    succeed(folder, &search);
    assert_eq!(names(folder), ["base.npy", "query.npy", "r.dist.npy", "r.ids.npy"]);
    for _ in 0..2 {
        let children = [&*search, range, &*search, range].map(|line| start(folder, line));
        children.into_iter().for_each(|child| assert_eq!(ended(child).status, 0));
        let shape = |name: &str| crate::common::npy::Npy::read(&folder.join(name)).shape;
        assert_eq!(shape("r.ids.npy"), shape("r.dist.npy"));
        if names(folder).contains(&"r.lims.npy".to_owned()) {
            assert_eq!(crate::support::range_hits(folder, "r").len(), 6);
            assert_eq!(names(folder), before);
        } else {
            assert_eq!(shape("r.ids.npy"), [6, 3]);
            assert_eq!(names(folder).len(), before.len() - 1);
        }
    }
}

/// Runs of one prefix and different k, at once: whoever is last, both files are of one run.
#[test]
fn runs_of_one_prefix_do_not_mix() {
    let folder = with_set("plain");
    let folder = folder.path();
    for _ in 0..3 {
        let lines =
            (1..5).map(|k| format!("{} --out r", SEARCH.replace("-k 3", &format!("-k {k}"))));
        let children: Vec<Child> = lines.map(|line| start(folder, &line)).collect();
        children.into_iter().for_each(|child| assert_eq!(ended(child).status, 0));
        let shape = |name: &str| crate::common::npy::Npy::read(&folder.join(name)).shape;
        assert_eq!(shape("r.ids.npy"), shape("r.dist.npy"));
        assert_eq!(names(folder), ["base.npy", "query.npy", "r.dist.npy", "r.ids.npy"]);
    }
}

//! Hits on stdout: what they are, and how printing ends.

use crate::support::{
    Run, command, fail, hits, names, nearfield, range_hits, start, succeed, with_set, write,
};
use nearfield::Rows;
use serde_json::Value;

const SEARCH: &str = "search --base base.npy --query query.npy -k 5";
const RANGE: &str = "range --base base.npy --query query.npy --radius 24";

/// The lines of tsv as query, id and distance; ranks count from 1 in each query.
fn lines(run: &Run) -> Vec<(usize, u64, f32)> {
    let mut last = (usize::MAX, 0);
    let parse = |line: &str| {
        let columns: Vec<_> = line.split('\t').collect();
        assert_eq!(columns.len(), 4, "{line}");
        let (query, rank): (usize, u64) =
            (columns[0].parse().unwrap(), columns[1].parse().unwrap());
        let expected = if last.0 == query { last.1 + 1 } else { 1 };
        assert_eq!(rank, expected, "{line}");
        last = (query, rank);
        (query, columns[2].parse().unwrap(), columns[3].parse().unwrap())
    };
    run.stdout.lines().map(parse).collect()
}

fn flat(hits: Vec<Vec<(u64, f32)>>) -> Vec<(usize, u64, f32)> {
    let each = hits.into_iter().enumerate();
    each.flat_map(|(query, hits)| hits.into_iter().map(move |(id, d)| (query, id, d))).collect()
}

#[test]
fn hits_are_printed_as_the_files_have_them() {
    let folder = with_set("plain");
    let folder = folder.path();
    let before = names(folder);
    let printed = lines(&succeed(folder, SEARCH));
    let within = lines(&succeed(folder, RANGE));
    assert_eq!(names(folder), before);
    succeed(folder, &format!("{SEARCH} --out s"));
    succeed(folder, &format!("{RANGE} --out r"));
    // Distances come back to the bit.
    assert_eq!((printed.len(), printed), (30, flat(hits(folder, "s", 5, f32::MAX))));
    let counts = range_hits(folder, "r").iter().map(Vec::len).collect::<Vec<_>>();
    assert!(counts.contains(&0) || counts.iter().any(|&n| n != counts[0]), "{counts:?}");
    assert_eq!(within, flat(range_hits(folder, "r")));
    // Places without a hit have no line.
    let all = succeed(folder, &SEARCH.replace("-k 5", "-k 300"));
    assert_eq!(lines(&all).len(), 6 * 120);
    assert_eq!(succeed(folder, &RANGE.replace("24", "0")).stdout, "");
}

#[test]
fn json_and_lines_of_json_say_the_same() {
    let folder = with_set("plain");
    let folder = folder.path();
    for line in [SEARCH, RANGE] {
        let tsv = lines(&succeed(folder, &format!("{line} --format tsv")));
        let json = succeed(folder, &format!("{line} --format json")).json();
        let jsonl = succeed(folder, &format!("{line} --format jsonl")).stdout;
        let objects: Vec<Value> =
            jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json, Value::Array(objects.clone()));
        let read = objects.iter().map(|hit| {
            assert_eq!(hit.as_object().unwrap().len(), 4, "{hit}");
            let query = hit["query"].as_u64().unwrap() as usize;
            (query, hit["id"].as_u64().unwrap(), hit["distance"].as_f64().unwrap() as f32)
        });
        assert_eq!(read.collect::<Vec<_>>(), tsv);
    }
    assert_eq!(
        succeed(folder, &format!("{} --format json", RANGE.replace("24", "0"))).stdout,
        "[]\n"
    );
}

#[test]
fn infinite_distances_are_words() {
    let folder = with_set("plain");
    let folder = folder.path();
    let far = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + 3e38; }\n\
        fn finish(acc: f32, d: u32) -> f32 { return acc * 3e38; }\n";
    std::fs::write(folder.join("far.wgsl"), far).unwrap();
    let line = format!("{SEARCH} --metric wgsl:far.wgsl");
    let tsv = succeed(folder, &line).stdout;
    assert!(tsv.lines().all(|line| line.ends_with("\tinf")), "{tsv}");
    let json = succeed(folder, &format!("{line} --format json")).json();
    assert!(json.as_array().unwrap().iter().all(|hit| hit["distance"] == "inf"), "{json}");
}

#[test]
fn labels_are_the_texts_of_the_hits() {
    let folder = with_set("plain");
    let folder = folder.path();
    let text: String = (0..120).map(|id| format!("row \"{id}\", é\r\n")).collect();
    std::fs::write(folder.join("labels.txt"), &text).unwrap();
    let tsv = succeed(folder, &format!("{SEARCH} --labels labels.txt"));
    assert!(!tsv.stderr.contains("labels.txt"), "{}", tsv.stderr);
    for line in tsv.stdout.lines() {
        let columns: Vec<_> = line.split('\t').collect();
        assert_eq!(columns[4..], [format!("row \"{}\", é", columns[2])]);
    }
    let json = succeed(folder, &format!("{RANGE} --labels labels.txt --format json")).json();
    for hit in json.as_array().unwrap() {
        assert_eq!(hit["label"], format!("row \"{}\", é", hit["id"]));
    }
    std::fs::write(folder.join("short.txt"), "one\ntwo\n").unwrap();
    let message = fail(folder, &format!("{SEARCH} --labels short.txt"), 1);
    assert!(message.contains("short.txt: 2 lines for ids up to 119"), "{message}");
    std::fs::write(folder.join("long.txt"), format!("{text}more\n")).unwrap();
    let long = format!("{SEARCH} --labels long.txt");
    let warned = succeed(folder, &long).stderr;
    assert!(
        warned.contains("warning: long.txt: 121 lines for ids below 120: line 121"),
        "{warned}"
    );
    assert_eq!(succeed(folder, &format!("{long} --quiet")).stderr, "");
    fail(folder, &format!("{SEARCH} --labels none.txt"), 1);
}

#[test]
fn quiet_silences_all_but_hits() {
    let folder = with_set("plain");
    for line in [SEARCH, RANGE] {
        let loud = succeed(folder.path(), line);
        let quiet = succeed(folder.path(), &format!("{line} --quiet"));
        assert_eq!((quiet.stdout, quiet.stderr), (loud.stdout, String::new()));
        // The line of what it cost is for terminals, and so is the one of what runs.
        assert!(!loud.stderr.contains("queries"), "{}", loud.stderr);
    }
}

#[test]
fn a_summary_needs_files_and_files_have_one_format() {
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::write(folder.join("labels.txt"), "one\n").unwrap();
    for (options, expected) in [
        ("--json", "without --out PREFIX"),
        ("--json --format jsonl", "without --out PREFIX"),
        ("--format json --out x", "cannot be used with"),
        ("--labels labels.txt --out x", "cannot be used with"),
        ("--format csv", "tsv, json, jsonl"),
    ] {
        for line in [SEARCH, RANGE] {
            let message = fail(folder, &format!("{line} {options}"), 2);
            assert!(message.contains(expected), "{options}: {message}");
        }
    }
    let stats = succeed(folder, &format!("{SEARCH} --stats --quiet"));
    assert!(stats.stderr.contains("6 queries x 120 rows"), "{}", stats.stderr);
    assert_eq!(lines(&stats).len(), 30);
}

/// A folder whose hits are many times what a pipe holds.
#[cfg(unix)]
fn with_many_hits() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<f32> = (0..4000).map(|i| (i * 37 % 1001) as f32).collect();
    write(folder.path(), "base.npy", Rows::F32(&rows), 4);
    write(folder.path(), "query.npy", Rows::F32(&rows[..400 * 4]), 4);
    folder
}

#[cfg(unix)]
#[test]
fn whoever_has_read_enough_ends_the_search_quietly() {
    use std::io::{BufRead, BufReader};
    let folder = with_many_hits();
    let all = "--base base.npy --query query.npy";
    for line in [
        format!("search {all} -k 900"),
        format!("search {all} -k 900 --format json"),
        format!("range {all} --radius inf"),
    ] {
        let mut child = start(folder.path(), &line);
        let mut first = String::new();
        let mut pipe = BufReader::new(child.stdout.take().unwrap());
        pipe.read_line(&mut first).unwrap();
        assert!(first.starts_with(['0', '[']), "{first}");
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.contains("error")),
            (Some(0), false),
            "{line}: {stderr}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_an_error() {
    let folder = with_set("plain");
    for line in
        [SEARCH, RANGE, &format!("{SEARCH} --format json"), "info base.npy", "completions zsh"]
    {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(folder.path(), &line.split_whitespace().collect::<Vec<_>>());
        let output = command.stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        assert!(stderr.contains("error: stdout: No space left"), "{line}: {stderr}");
    }
}

/// Nobody reads, so that the search waits to print; or somebody reads again once the signal is there.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_search_that_waits_for_its_reader() {
    use std::time::{Duration, Instant};
    let folder = with_many_hits();
    for reads in [false, true] {
        let line = "search --base base.npy --query query.npy -k 900";
        let mut child = start(folder.path(), line);
        let mut pipe = child.stdout.take().unwrap();
        std::thread::sleep(Duration::from_secs(3));
        let (sent, id) = (Instant::now(), child.id().to_string());
        let kill = std::process::Command::new("kill").args(["-s", "INT", &id]).status();
        assert!(kill.unwrap().success());
        std::thread::sleep(Duration::from_millis(100));
        if reads {
            let mut read = String::new();
            std::io::Read::read_to_string(&mut pipe, &mut read).unwrap();
            assert!(read.lines().count() < 400 * 900);
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    }
}

#[test]
fn what_is_wrong_later_leaves_the_lines_before_it() {
    let folder = with_set("plain");
    let folder = folder.path();
    // A range search begins with 16 queries.
    let mut rows = vec![0.5f32; 19 * 60];
    rows[19 * 50] = f32::NAN;
    write(folder, "nan.npy", Rows::F32(&rows), 19);
    let words = "range --base base.npy --query nan.npy --radius inf --format json";
    let run = nearfield(folder, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(run.stderr.contains("nan.npy: row 50, column 0 is not finite"), "{}", run.stderr);
    assert!(run.stdout.starts_with("[\n{\"query\":0,\"rank\":1,"), "{}", run.stdout);
    assert!(serde_json::from_str::<Value>(&run.stdout).is_err());
}

//! `--allow` and `--deny`.

use crate::support::{block, fail, hits, range_hits, succeed, with_set};
use nearfield::Metric;
use nearfield::format::NpyWriter;
use nearfield::reference::{Problem, check_range, check_search};
use std::path::Path;

fn list(folder: &Path, name: &str, ids: &[i64]) {
    let mut out = NpyWriter::<i64>::create(folder.join(name), &[]).unwrap();
    out.write(ids).unwrap();
    out.finish().unwrap();
}

#[test]
fn a_list_of_rows_is_allowed_or_denied() {
    let folder = with_set("plain");
    let folder = folder.path();
    // Rows that the base lacks, and the -1 of an empty place, name nothing.
    list(folder, "some.npy", &[5, 77, 5, 0, 119, 64, 120, 1 << 40, -1]);
    let listed = [0, 5, 64, 77, 119];
    let (base, queries) = (block(folder, "base.npy", None), block(folder, "query.npy", None));
    for (option, keeps) in [("--allow", true), ("--deny", false)] {
        let eligible = |_: usize, row: usize| listed.contains(&row) == keeps;
        let measure = &Metric::L2;
        let problem = Problem { measure, queries: &queries, base: &base, eligible: &eligible };
        let files = format!("--base base.npy --query query.npy {option} some.npy --out out");
        let said = succeed(folder, &format!("search {files} -k 9")).stderr;
        let warned =
            said.lines().filter(|line| line.starts_with("warning: some.npy: 120 is no row"));
        assert_eq!(warned.count(), 1, "{said}");
        let got = hits(folder, "out", 9, f32::MAX);
        check_search(&problem, 9, &got).unwrap_or_else(|why| panic!("{option}: {why}"));
        assert!(got.iter().all(|hits| hits.len() == if keeps { 5 } else { 9 }));
        succeed(folder, &format!("range {files} --radius 30"));
        let got = range_hits(folder, "out");
        check_range(&problem, 30.0, &got).unwrap_or_else(|why| panic!("{option}: {why}"));
    }
}

#[test]
fn an_empty_list_allows_nothing_and_denies_nothing() {
    let folder = with_set("plain");
    let folder = folder.path();
    list(folder, "none.npy", &[]);
    let line = "search --base base.npy --query query.npy -k 2 --out";
    succeed(folder, &format!("{line} a --allow none.npy"));
    assert_eq!(hits(folder, "a", 2, f32::MAX), vec![vec![]; 6]);
    succeed(folder, &format!("{line} b --deny none.npy"));
    succeed(folder, &format!("{line} c"));
    assert_eq!(hits(folder, "b", 2, f32::MAX), hits(folder, "c", 2, f32::MAX));
}

#[test]
fn the_ids_of_one_search_filter_the_next() {
    let folder = with_set("plain");
    let folder = folder.path();
    let line = "search --base base.npy --query query.npy -k 4 --out";
    succeed(folder, &format!("{line} first"));
    succeed(folder, &format!("{line} second --allow first.ids.npy"));
    let (first, second) = (hits(folder, "first", 4, f32::MAX), hits(folder, "second", 4, f32::MAX));
    // The nearest rows of a query are allowed for all queries, so they are its nearest again.
    assert_eq!(first, second);
    succeed(folder, &format!("{line} third --deny first.ids.npy"));
    let seen: Vec<u64> = first.iter().flatten().map(|hit| hit.0).collect();
    assert!(hits(folder, "third", 4, f32::MAX).iter().flatten().all(|hit| !seen.contains(&hit.0)));
}

#[test]
fn each_row_is_left_out_of_its_own_hits() {
    let folder = with_set("plain");
    let folder = folder.path();
    let base = block(folder, "base.npy", None);
    let problem = Problem {
        measure: &Metric::L2,
        queries: &base,
        base: &base,
        eligible: &|query: usize, row: usize| query != row,
    };
    let files = "--base base.npy --query base.npy --exclude-self --out out";
    succeed(folder, &format!("search {files} -k 5"));
    let got = hits(folder, "out", 5, f32::MAX);
    check_search(&problem, 5, &got).unwrap();
    assert!(got.len() > 10 && got.iter().all(|hits| hits.len() == 5));
    succeed(folder, &format!("range {files} --radius 12"));
    let got = range_hits(folder, "out");
    check_range(&problem, 12.0, &got).unwrap();
    // with a filter
    list(folder, "some.npy", &[5, 77, 0, 119]);
    let listed = [5, 77, 0, 119];
    let eligible = |query: usize, row: usize| query != row && listed.contains(&row);
    succeed(folder, &format!("search {files} -k 5 --allow some.npy"));
    let got = hits(folder, "out", 5, f32::MAX);
    check_search(&Problem { eligible: &eligible, ..problem }, 5, &got).unwrap();
    assert!(
        got.iter()
            .enumerate()
            .all(|(row, hits)| hits.len() == 4 - usize::from(listed.contains(&row)))
    );

    let others = "--base base.npy --query query.npy --exclude-self --out other";
    let error = fail(folder, &format!("search {others} -k 2"), 1);
    assert!(error.contains("--exclude-self") && error.contains("query.npy has 6"), "{error}");
}

/// Masks and texts name the same rows as numbers do.
#[test]
fn masks_and_texts_name_rows_as_numbers_do() {
    let folder = with_set("plain");
    let folder = folder.path();
    let listed = [0i64, 5, 64, 77, 119];
    let mask: Vec<u8> = (0..120).map(|row| u8::from(listed.contains(&row))).collect();
    let mut out = NpyWriter::<u8>::create(folder.join("mask.npy"), &[]).unwrap();
    out.write(&mask).unwrap();
    out.finish().unwrap();
    let bytes = std::fs::read(folder.join("mask.npy")).unwrap();
    let at = bytes.windows(3).position(|three| three == b"|u1").unwrap();
    let named = [&bytes[..at], b"|b1", &bytes[at + 3..]].concat();
    std::fs::write(folder.join("bools.npy"), named).unwrap();
    std::fs::write(folder.join("rows.txt"), "# mine\n0\n5\n64 # twice\n64\n77\n\n119\n").unwrap();
    list(folder, "some.npy", &listed);
    let line = "search --base base.npy --query query.npy -k 9 --out";
    for option in ["--allow", "--deny"] {
        succeed(folder, &format!("{line} numbers {option} some.npy"));
        let expected = hits(folder, "numbers", 9, f32::MAX);
        for file in ["mask.npy", "bools.npy", "rows.txt"] {
            succeed(folder, &format!("{line} other {option} {file}"));
            assert_eq!(hits(folder, "other", 9, f32::MAX), expected, "{option} {file}");
        }
    }
}

#[test]
fn what_is_denied_is_not_allowed() {
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::write(folder.join("some.txt"), "0\n5\n64\n77\n119\n").unwrap();
    std::fs::write(folder.join("not.txt"), "5\n1\n77\n").unwrap();
    let files = "--base base.npy --query query.npy --allow some.txt --deny not.txt --out out";
    let (base, queries) = (block(folder, "base.npy", None), block(folder, "query.npy", None));
    let eligible = |_: usize, row: usize| [0, 64, 119].contains(&row);
    let problem =
        Problem { measure: &Metric::L2, queries: &queries, base: &base, eligible: &eligible };
    succeed(folder, &format!("search {files} -k 9"));
    let got = hits(folder, "out", 9, f32::MAX);
    check_search(&problem, 9, &got).unwrap();
    assert!(got.iter().all(|hits| hits.len() == 3));
    succeed(folder, &format!("range {files} --radius 30"));
    check_range(&problem, 30.0, &range_hits(folder, "out")).unwrap();
}

#[test]
fn wrong_lists_are_named() {
    let folder = with_set("plain");
    let folder = folder.path();
    std::fs::write(folder.join("rows.txt"), "1\ntwo\n").unwrap();
    let mut out = NpyWriter::<u8>::create(folder.join("short.npy"), &[]).unwrap();
    out.write(&[1; 119]).unwrap();
    out.finish().unwrap();
    let mut out = NpyWriter::<u8>::create(folder.join("twos.npy"), &[]).unwrap();
    out.write(&[2; 120]).unwrap();
    out.finish().unwrap();
    for (file, words) in [
        ("rows.txt", "rows.txt, at byte 2: line 2: \"two\" is no id"),
        ("short.npy", "no mask of 120 rows"),
        ("twos.npy", "twos.npy: row 0, column 0: 2 in a mask"),
    ] {
        let files = format!("--base base.npy --query query.npy --allow {file} --out out");
        let message = fail(folder, &format!("search {files} -k 1"), 1);
        assert!(message.contains(words), "{message}");
    }
}

//! Lines that begin with `warning:`, about data that are likely not what was meant.

use crate::common::npy::Npy;
use crate::support::{self, fail, succeed, with_set, write};
use nearfield::Rows;
use nearfield::format::NpyWriter;
use std::path::Path;

fn warnings(folder: &Path, line: &str) -> Vec<String> {
    let quiet = succeed(folder, &format!("{line} --quiet"));
    assert!(!quiet.stderr.contains("warning:"), "{}", quiet.stderr);
    support::warnings(&succeed(folder, line).stderr)
}

#[test]
fn degrees_counts_and_bytes_for_bits_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let search = "search --base base.npy --query query.npy -k 2 --out r";
    write(folder, "base.npy", Rows::F32(&[0.5, 0.1, 1.0, 3.0, 1.5, 13.4, 1.1, 11.6]), 2);
    write(folder, "query.npy", Rows::F32(&[0.5, 0.1, 1.5, -3.0]), 2);
    let line = format!("{search} --metric haversine");
    let [one] = &warnings(folder, &line)[..] else { panic!("one warning") };
    assert!(one.starts_with("warning: base.npy: row 2: (1.5, 13.4) is no latitude"), "{one}");
    write(folder, "query.npy", Rows::F32(&[0.5, 0.1, 1.5, 13.4]), 2);
    let streamed = "range --base base.npy --query query.npy --radius 9 --out r --metric haversine --memory-budget 64K".to_owned();
    for line in [line, streamed] {
        let [base, query] = &warnings(folder, &line)[..] else { panic!("two warnings: {line}") };
        assert!(base.contains("base.npy: row 2") || query.contains("base.npy: row 2"), "{base}");
        assert!(query.contains("query.npy: row 1") || base.contains("query.npy: row 1"), "{query}");
    }
    write(folder, "base.npy", Rows::F32(&[0.5, 0.1, 52.5, 13.4]), 2);
    let refused = fail(folder, &format!("{search} --metric haversine"), 1);
    assert!(refused.contains("row 1, column 0: 52.5 is no latitude in radians"), "{refused}");
    write(folder, "base.npy", Rows::F32(&[0.5, 0.5, 0.0, 0.0, 3.0, 4.0]), 2);
    write(folder, "query.npy", Rows::F32(&[0.25, 0.75]), 2);
    for metric in ["hellinger", "jensenshannon", "kl"] {
        let [one] = &warnings(folder, &format!("{search} --metric {metric}"))[..] else {
            panic!("one")
        };
        assert!(one.starts_with("warning: base.npy: row 2: its sum is 7"), "{one}");
    }
    for metric in ["l2", "cosine", "l1"] {
        assert_eq!(warnings(folder, &format!("{search} --metric {metric}")), [""; 0]);
    }
    // One file is told of once, whatever its names.
    std::fs::hard_link(folder.join("base.npy"), folder.join("link.npy")).unwrap();
    for query in ["base.npy", "link.npy"] {
        let line = format!("{search} --metric hellinger").replace("query.npy", query);
        assert_eq!(warnings(folder, &line).len(), 1, "{query}");
    }
    let bits = format!("{search} --metric hamming --dtype bits");
    write(folder, "query.npy", Rows::U8(&[3, 9, 255]), 3);
    write(folder, "base.npy", Rows::U8(&[0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1]), 3);
    let [one] = &warnings(folder, &bits)[..] else { panic!("one") };
    assert!(one.starts_with("warning: base.npy: row 0: ") && one.contains("0 or 1"), "{one}");
    write(folder, "base.npy", Rows::U8(&[0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 2]), 3);
    assert_eq!(warnings(folder, &bits), [""; 0]);
}

#[test]
fn rows_of_f64_that_become_equal_are_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut out = NpyWriter::<f64>::create(folder.join("base.npy"), &[2]).unwrap();
    for row in 0..50 {
        out.write(&[1.6e9 + f64::from(row), 2.0]).unwrap();
    }
    out.finish().unwrap();
    write(folder, "query.npy", Rows::F32(&[1.6e9, 2.0]), 2);
    let search = "search --base base.npy --query query.npy -k 2 --out r";
    for line in [search, &format!("{search} --memory-budget 64K"), "convert base.npy x.fbin"] {
        let [one] = &warnings(folder, line)[..] else { panic!("one warning: {line}") };
        assert!(
            one.starts_with("warning: base.npy: row 1: the first of 49 or more")
                || one.starts_with("warning: base.npy: row 1: the first of 4"),
            "{one}"
        );
    }
    let same = search.replace("query.npy", "base.npy");
    for line in [&same, &format!("{same} --dtype bf16 --force")] {
        assert_eq!(warnings(folder, line).len(), 1, "{line}");
    }
    // Equal rows are no loss.
    let mut out = NpyWriter::<f64>::create(folder.join("base.npy"), &[2]).unwrap();
    out.write(&[1.5, 2.0, 1.5, 2.0, 1.5, 2.5]).unwrap();
    out.finish().unwrap();
    assert_eq!(warnings(folder, search), [""; 0]);
}

#[test]
fn jaccard_of_bytes_is_warned_about_unless_their_type_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "base.npy", Rows::U8(&[3, 9, 255, 1, 2, 3]), 3);
    write(folder, "query.npy", Rows::U8(&[3, 9, 254]), 3);
    write(folder, "floats.npy", Rows::F32(&[3.0, 9.0, 255.0, 1.0, 2.0, 3.0]), 3);
    let files = "--base base.npy --query query.npy --metric jaccard";
    for line in [
        format!("search {files} -k 2 --out r"),
        format!("range {files} --radius 2 --out r"),
        "build --base base.npy --metric jaccard --out x.nf".to_owned(),
    ] {
        let [one] = &warnings(folder, &line)[..] else { panic!("one warning: {line}") };
        assert!(one.starts_with("warning: base.npy: jaccard of u8 rows compares numbers"), "{one}");
        assert!(one.contains("add --dtype bits"), "{one}");
        for known in ["--dtype bits", "--dtype u8"] {
            assert_eq!(warnings(folder, &format!("{line} {known}")), [""; 0], "{line} {known}");
        }
        for other in [line.replace("jaccard", "l1"), line.replace("base.npy", "floats.npy")] {
            assert_eq!(warnings(folder, &other), [""; 0], "{other}");
        }
    }
}

#[test]
fn queries_with_too_few_hits_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let few = |line: &str| {
        let said = warnings(folder, line);
        let [one] = &said[..] else { panic!("one warning: {line}: {said:?}") };
        let (counts, why) =
            one.strip_prefix("warning: query.npy: ").unwrap().split_once(": ").unwrap();
        (counts.to_owned(), why.to_owned())
    };
    write(folder, "base.npy", Rows::F32(&[0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.25, 0.25, 0.5]), 3);
    write(folder, "query.npy", Rows::F32(&[0.5, 0.25, 0.25, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), 3);
    let search = "search --base base.npy --query query.npy --out r";
    let kl = format!("{search} --metric kl");
    for line in [format!("{kl} -k 2"), format!("{kl} -k 2 --memory-budget 64K")] {
        // the last row alone has something where the first query and the last have it
        let (counts, why) = few(&line);
        assert_eq!(counts, "2 of 3 queries have fewer than 2 hits");
        assert!(why.contains("row with 0") && why.contains("jensenshannon"), "{why}");
    }
    assert_eq!(few(&format!("{kl} -k 9")).0, "2 of 3 queries have fewer than 3 hits");
    assert_eq!(
        few(&format!("{kl} -k 9 --exclude-self")).0,
        "2 of 3 queries have fewer than 2 hits"
    );
    std::fs::write(folder.join("ids.txt"), "1\n").unwrap();
    for line in [
        format!("{kl} -k 1"),
        format!("{kl} -k 2 --allow ids.txt"),
        format!("{search} -k 9 --metric jensenshannon"),
        format!("{search} -k 9 --metric l2 --exclude-self"),
    ] {
        assert_eq!(warnings(folder, &line), [""; 0], "{line}");
    }
    write(folder, "base.npy", Rows::F32(&[f32::NAN, 1.0, 2.0, f32::NAN]), 2);
    write(folder, "query.npy", Rows::F32(&[f32::NAN, 1.0, 0.5, 0.5]), 2);
    for metric in ["naneuclidean", "gower"] {
        let (counts, why) = few(&format!("{search} -k 2 --metric {metric}"));
        let count = if metric == "gower" { "2 of 2 queries have" } else { "1 of 2 queries has" };
        assert_eq!(counts, format!("{count} fewer than 2 hits"));
        assert!(why.contains("is no hit"), "{why}");
    }
    // a query that is skipped has none, and is told of as such
    let skipping = warnings(folder, &format!("{search} -k 2 --metric l2 --skip-nan"));
    assert!(skipping.iter().all(|line| line.contains("skipped")), "{skipping:?}");
}

#[test]
fn usual_data_is_not_warned_about() {
    let folder = with_set("plain");
    assert_eq!(Npy::read(&folder.path().join("base.npy")).shape.len(), 2);
    let line = "search --base base.npy --query query.npy -k 2 --out r";
    assert_eq!(warnings(folder.path(), line), [""; 0]);
}

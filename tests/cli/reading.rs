//! What of a file is read, and how: `--first`, `--skip-nan`, `--bits`, and arrays that lie otherwise.

use crate::support::{block, fail, hits, nearfield, range_hits, succeed, with_set, write};
use nearfield::format::NpyWriter;
use nearfield::reference::{Block, Problem, check_range, check_search};
use nearfield::{Metric, Rows};
use std::path::Path;

/// The first rows of 120 x 8 that FAISS's set has; how many columns there are the block says.
fn part(folder: &Path, name: &str, rows: usize) -> Block {
    let all = block(folder, name, None);
    let values: Vec<f32> = all.rows().take(rows).flatten().map(|&v| v as f32).collect();
    Block::new(Rows::F32(&values), all.dim()).unwrap()
}

#[test]
fn the_first_rows_and_queries_are_searched() {
    let folder = with_set("plain");
    let folder = folder.path();
    let (base, queries) = (part(folder, "base.npy", 50), part(folder, "query.npy", 2));
    let measure = &Metric::L2;
    let problem = Problem { measure, queries: &queries, base: &base, eligible: &|_, _| true };
    let files = "--base base.npy --query query.npy --first 50 --first-queries 2 --out out";
    let summary = succeed(folder, &format!("search {files} -k 60 --json")).json();
    assert_eq!((&summary["base"]["rows"], &summary["query"]["rows"]), (&50.into(), &2.into()));
    let got = hits(folder, "out", 60, f32::MAX);
    assert!(got.len() == 2 && got.iter().all(|hits| hits.len() == 50));
    check_search(&problem, 60, &got).unwrap();
    succeed(folder, &format!("range {files} --radius 30"));
    check_range(&problem, 30.0, &range_hits(folder, "out")).unwrap();
    // A mask may be of the file or of what is read of it, and names no row that is not read.
    for (name, length) in [("of_file.npy", 120), ("of_part.npy", 50)] {
        let mut out = NpyWriter::<u8>::create(folder.join(name), &[]).unwrap();
        out.write(&vec![1; length]).unwrap();
        out.finish().unwrap();
        let run = succeed(folder, &format!("search {files} -k 60 --allow {name}"));
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
        assert_eq!(hits(folder, "out", 60, f32::MAX), got, "{name}");
    }
    succeed(folder, "convert base.npy few.fvecs --first 3");
    assert_eq!(block(folder, "few.fvecs", None).len(), 3);
    succeed(folder, "build --base base.npy --first 7 --out few.nf");
    let info = succeed(folder, "info few.nf --json").json();
    assert_eq!(info["rows"], 7);
    let message = fail(folder, "search --load few.nf --query query.npy -k 1 --first 2", 2);
    assert!(message.contains("--base"), "{message}");
    // More than there are is all of them.
    succeed(folder, "search --base base.npy --query query.npy -k 3 --out a --first 99999");
    succeed(folder, "search --base base.npy --query query.npy -k 3 --out b");
    assert_eq!(hits(folder, "a", 3, f32::MAX), hits(folder, "b", 3, f32::MAX));
}

/// The set with NaN and infinity in rows 3 and 77 and in query 1.
fn spoil(folder: &Path) {
    for (name, rows) in [("base", &[3usize, 77][..]), ("query", &[1])] {
        let all = block(folder, &format!("{name}.npy"), None);
        let mut values: Vec<f32> = all.rows().flatten().map(|&v| v as f32).collect();
        for (i, row) in rows.iter().enumerate() {
            values[row * all.dim() + i] = [f32::NAN, f32::INFINITY][i];
        }
        write(folder, &format!("{name}.nan.npy"), Rows::F32(&values), all.dim());
    }
}

#[test]
fn rows_with_nan_are_skipped_counted_and_listed() {
    let folder = with_set("plain");
    let folder = folder.path();
    spoil(folder);
    let (base, queries) = (block(folder, "base.npy", None), block(folder, "query.npy", None));
    let measure = &Metric::L2;
    let eligible = |query: usize, row: usize| query != 1 && row != 3 && row != 77;
    let problem = Problem { measure, queries: &queries, base: &base, eligible: &eligible };
    let files = "--base base.nan.npy --query query.nan.npy --out out";
    let message = fail(folder, &format!("search {files} -k 9"), 1);
    assert!(message.contains("base.nan.npy: row 3, column 0") && message.contains("--skip-nan"));
    let run = succeed(folder, &format!("search {files} -k 200 --skip-nan --json"));
    let summary = run.json();
    assert_eq!(summary["base"]["skipped"], serde_json::json!([3, 77]));
    assert_eq!(summary["query"]["skipped"], serde_json::json!([1]));
    assert_eq!(summary["hits"], 118 * (queries.len() - 1));
    for line in [
        "warning: base.nan.npy: 2 rows with NaN or infinity are skipped: 3, 77",
        "warning: query.nan.npy: 1 row with NaN or infinity is skipped and without hits: 1",
    ] {
        assert!(run.stderr.contains(line), "{}", run.stderr);
    }
    check_search(&problem, 200, &hits(folder, "out", 200, f32::MAX)).unwrap();
    succeed(folder, &format!("range {files} --radius 30 --skip-nan"));
    check_range(&problem, 30.0, &range_hits(folder, "out")).unwrap();
    // Beside a filter, and where a conversion would refuse them before.
    std::fs::write(folder.join("some.txt"), "3\n4\n").unwrap();
    let line = format!("search {files} -k 5 --skip-nan --allow some.txt --dtype f16 --force");
    assert_eq!(nearfield(folder, &line.split(' ').collect::<Vec<_>>()).status, 0);
    let got = hits(folder, "out", 5, f32::MAX);
    assert!((0..).zip(&got).all(|(query, hits)| hits.len() == usize::from(query != 1)));
    assert!(got.iter().flatten().all(|hit| hit.0 == 4));
}

#[test]
fn an_index_is_built_without_them_and_rows_keep_their_numbers() {
    let folder = with_set("plain");
    let folder = folder.path();
    spoil(folder);
    let run = succeed(folder, "build --base base.nan.npy --skip-nan --out a.nf --json");
    assert_eq!(run.json()["skipped"], serde_json::json!([3, 77]));
    assert_eq!(succeed(folder, "info a.nf --json").json()["rows"], 118);
    succeed(folder, "search --load a.nf --query query.npy -k 200 --out saved");
    succeed(folder, "search --base base.nan.npy --query query.npy -k 200 --skip-nan --out rows");
    let (saved, rows) = (hits(folder, "saved", 200, f32::MAX), hits(folder, "rows", 200, f32::MAX));
    assert_eq!(saved, rows);
    let mut out = NpyWriter::<i64>::create(folder.join("ids.npy"), &[]).unwrap();
    out.write(&(0..120).map(|row| 1000 + row).collect::<Vec<_>>()).unwrap();
    out.finish().unwrap();
    succeed(folder, "build --base base.nan.npy --skip-nan --ids ids.npy --out b.nf");
    succeed(folder, "search --load b.nf --query query.npy -k 200 --out other");
    let other = hits(folder, "other", 200, f32::MAX);
    assert!(
        other.iter().flatten().map(|hit| hit.0 - 1000).eq(rows.iter().flatten().map(|hit| hit.0))
    );
    let run = succeed(folder, "convert base.nan.npy c.npy --skip-nan --json");
    assert_eq!(
        (&run.json()["rows"], &run.json()["skipped"]),
        (&118.into(), &serde_json::json!([3, 77]))
    );
}

#[test]
fn bits_are_as_many_as_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format");
    for name in ["bits_little", "bits_big", "bits_words", "bits_wide"] {
        std::fs::copy(data.join(format!("{name}.npy")), folder.join(format!("{name}.npy")))
            .unwrap();
    }
    let search = |base: &str, query: &str, more: &str| {
        let files = format!("--base {base}.npy --query {query}.npy --out out");
        succeed(folder, &format!("search {files} -k 3 --dtype bits --metric russelrao {more}"));
        hits(folder, "out", 3, f32::MAX)
    };
    let little = search("bits_little", "bits_little", "--bits 12");
    let big = search("bits_big", "bits_big", "--bits 12 --bit-order big");
    assert_eq!(little, big);
    // The number of bits is part of this metric.
    assert_ne!(little, search("bits_little", "bits_little", ""));
    assert_eq!(search("bits_words", "bits_wide", ""), search("bits_wide", "bits_wide", ""));
    let files = "--base bits_big.npy --query bits_big.npy --out x";
    let message =
        fail(folder, &format!("search {files} -k 1 --dtype bits --metric hamming --bits 12"), 1);
    assert!(
        message.contains("--bit-order big") && message.contains("bits_big.npy: row"),
        "{message}"
    );
    // An index knows how many bits its queries have.
    succeed(
        folder,
        "build --base bits_big.npy --dtype bits --metric russelrao --bits 12 --bit-order big --out b.nf",
    );
    succeed(folder, "search --load b.nf --query bits_little.npy -k 3 --out out");
    assert_eq!(hits(folder, "out", 3, f32::MAX), little);
    succeed(folder, "convert bits_big.npy turned.npy --dtype bits --bits 12 --bit-order big");
    let turned = std::fs::read(folder.join("turned.npy")).unwrap();
    assert_eq!(turned, std::fs::read(folder.join("bits_little.npy")).unwrap());
}

/// The transposed array as NumPy saves it, big-endian at that.
#[test]
fn arrays_that_lie_otherwise_are_searched_as_they_are() {
    let folder = with_set("plain");
    let folder = folder.path();
    for name in ["base", "query"] {
        let all = block(folder, &format!("{name}.npy"), None);
        let (rows, dim) = (all.len(), all.dim());
        let mut header =
            format!("{{'descr': '>f8', 'fortran_order': True, 'shape': ({rows}, {dim}), }}");
        header.push_str(&" ".repeat(117 - header.len()));
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.into_bytes());
        for column in 0..dim {
            bytes.extend((0..rows).flat_map(|row| all.row(row)[column].to_be_bytes()));
        }
        std::fs::write(folder.join(format!("{name}.other.npy")), bytes).unwrap();
    }
    succeed(folder, "search --base base.npy --query query.npy -k 5 --out a");
    succeed(folder, "search --base base.other.npy --query query.other.npy -k 5 --out b");
    assert_eq!(hits(folder, "a", 5, f32::MAX), hits(folder, "b", 5, f32::MAX));
}

//! A base that is larger than the memory budget: the same files as with room for it.

use crate::support::{fail, hits, pairwise, succeed, write};
use nearfield::Rows;
use nearfield::format::NpyWriter;
use std::path::Path;

const DIM: usize = 32;
const ROWS: usize = 40_000;
/// A fifth less than the rows take.
const SMALL: &str = "--memory-budget 4M";

fn value(row: usize, column: usize) -> f32 {
    ((row * 7919 + column * 104_729 + row * column * 31) % 1009) as f32 / 64.0
}

fn data(rows: std::ops::Range<usize>) -> Vec<f32> {
    rows.flat_map(|row| (0..DIM).map(move |column| value(row, column))).collect()
}

fn same(folder: &Path, names: &[&str]) {
    for name in names {
        let read =
            |prefix: &str| std::fs::read(folder.join(format!("{prefix}.{name}.npy"))).unwrap();
        assert!(read("small") == read("large"), "{name}");
    }
}

#[test]
fn a_base_beyond_the_budget_gives_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = data(0..ROWS);
    write(folder, "base.npy", Rows::F32(&rows), DIM);
    write(folder, "base.fvecs", Rows::F32(&rows), DIM);
    write(folder, "query.npy", Rows::F32(&data(ROWS..ROWS + 7)), DIM);
    let mut some = NpyWriter::<i64>::create(folder.join("some.npy"), &[]).unwrap();
    some.write(&[5, 39_999, 20_000, 20_001]).unwrap();
    some.finish().unwrap();

    let searches = [
        "base.npy --metric l2",
        "base.fvecs --metric cosine",
        "base.npy --metric ip --dtype f16 --deny some.npy",
        "base.npy --allow some.npy",
    ];
    for line in searches.into_iter().take(if pairwise() { 1 } else { searches.len() }) {
        let line = format!("search --query query.npy -k 10 --json --stats --base {line}");
        let large = succeed(folder, &format!("{line} --out large"));
        let small = succeed(folder, &format!("{line} --out small {SMALL}"));
        same(folder, &["ids", "dist"]);
        assert!(!large.stderr.contains("streams"), "{}", large.stderr);
        let (large, json) = (large.json(), small.json());
        assert_eq!((&large["streamed"], &large["chunks"]), (&false.into(), &0.into()));
        if line.contains("f16") {
            // Half as large, the rows fit.
            assert_eq!(json["streamed"], false);
            continue;
        }
        assert!(small.stderr.contains("do not fit in 4194304"), "{}", small.stderr);
        assert_eq!(json["streamed"], true);
        assert!(json["chunks"].as_u64().unwrap() > 1, "{json}");
        assert_eq!(json["stats"]["stream"]["chunks"], json["chunks"]);
        assert!(json["device_memory"]["peak"].as_u64().unwrap() <= 4 << 20, "{json}");
    }
    for line in ["--radius 900", "--radius 0.9 --metric cosine"] {
        let line = format!("range --base base.npy --query query.npy {line} --quiet");
        succeed(folder, &format!("{line} --out large"));
        let small = succeed(folder, &format!("{line} --out small {SMALL}"));
        same(folder, &["lims", "ids", "dist"]);
        assert_eq!((small.stdout.as_str(), small.stderr.as_str()), ("", ""));
    }
    let stats = succeed(
        folder,
        &format!("search --base base.npy --query query.npy -k 1 --out s --stats {SMALL}"),
    );
    assert!(stats.stderr.contains("streamed         5.1200e6 bytes"), "{}", stats.stderr);
}

#[test]
fn bad_rows_of_a_streamed_base_are_the_bases() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut rows = data(0..ROWS);
    rows[31_234 * DIM + 5] = f32::NAN;
    write(folder, "base.npy", Rows::F32(&rows), DIM);
    let mut queries = data(0..3);
    write(folder, "query.npy", Rows::F32(&queries), DIM);
    let line = format!("search --base base.npy --query query.npy -k 2 --out x {SMALL}");
    let message = fail(folder, &line, 1);
    assert!(message.contains("base.npy: row 31234, column 5 is not finite"), "{message}");
    queries[2 * DIM + 1] = f32::INFINITY;
    write(folder, "query.npy", Rows::F32(&queries), DIM);
    let message = fail(folder, &line, 1);
    assert!(message.contains("query.npy: row 2, column 1 is not finite"), "{message}");
}

/// An array in Fortran order, of which two rows are skipped: they are looked for before, and left out of every search.
#[test]
fn what_is_skipped_and_transposed_is_streamed_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut rows = data(0..ROWS);
    (rows[3 * DIM], rows[(ROWS - 1) * DIM + 5]) = (f32::NAN, f32::INFINITY);
    let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({ROWS}, {DIM}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").into_bytes());
    for column in 0..DIM {
        bytes.extend((0..ROWS).flat_map(|row| rows[row * DIM + column].to_le_bytes()));
    }
    std::fs::write(folder.join("base.npy"), bytes).unwrap();
    // The rows that are skipped would be the nearest, and so would zeros.
    let queries = [data(3..4), data(ROWS - 1..ROWS), vec![0.0; DIM]].concat();
    write(folder, "query.npy", Rows::F32(&queries), DIM);
    let line = "search --query query.npy -k 10 --json --base base.npy --skip-nan --out";
    let large = succeed(folder, &format!("{line} large")).json();
    let small = succeed(folder, &format!("{line} small {SMALL}")).json();
    same(folder, &["ids", "dist"]);
    assert_eq!((&large["streamed"], &small["streamed"]), (&false.into(), &true.into()));
    for summary in [&large, &small] {
        assert_eq!(summary["base"]["skipped"], serde_json::json!([3, ROWS - 1]));
    }
    let ids = hits(folder, "small", 10, f32::MAX);
    assert!(ids.iter().flatten().all(|hit| hit.0 != 3 && hit.0 != ROWS as u64 - 1));
}

//! `nearfield kmeans`: what it finds is tested with the library.

use crate::support::{fail, names, succeed, warnings};
use nearfield::format::{create, open, read_ids};
use nearfield::{DType, Rows};
use std::path::Path;

/// Three clusters of ten rows around 0, 100 and 200, each in turn, in a file of the folder.
fn points(folder: &Path, name: &str, bad: &[usize]) {
    let row =
        |i: usize| [(i % 3 * 100) as f32, if bad.contains(&i) { f32::NAN } else { (i % 2) as f32 }];
    let rows: Vec<f32> = (0..30).flat_map(row).collect();
    let mut out = create(folder.join(name), DType::F32, 2).unwrap();
    out.write(Rows::F32(&rows)).unwrap();
    out.finish().unwrap();
}

#[test]
fn centroids_and_labels_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    points(folder, "base.npy", &[]);
    let line = "kmeans --base base.npy -k 3 --init kmeans++ --out c.npy --labels l.ivecs";
    let run = succeed(folder, line);
    assert!(run.stdout.contains("3 centroids of 30 rows of base.npy in c.npy"), "{}", run.stdout);
    assert!(run.stdout.contains("10 to 10 rows each"), "{}", run.stdout);
    // far fewer rows than FAISS would train on
    assert!(warnings(&run.stderr)[0].contains("30 points for 3 centroids"), "{}", run.stderr);
    let centroids = open(folder.join("c.npy"), None).unwrap().rows(0..3).unwrap().to_f32();
    let labels = read_ids(folder.join("l.ivecs")).unwrap();
    assert_eq!((centroids.len(), labels.len()), (6, 30));
    for (i, &label) in labels.iter().enumerate() {
        assert_eq!(centroids[label as usize * 2..][..2], [(i % 3 * 100) as f32, 0.5], "{i}");
    }
    let summary =
        succeed(folder, "kmeans --base base.npy -k 3 --init kmeans++ --out d.fvecs --json --quiet")
            .json();
    let expected = [("k", 3), ("rows", 30), ("trained_on", 30), ("distinct", 3)];
    assert!(expected.iter().all(|&(key, value)| summary[key] == value), "{summary}");
    assert_eq!(summary["objective"].as_array().unwrap().last().unwrap(), 7.5);
    assert_eq!(summary["sizes"]["median"], 10);
}

#[test]
fn rows_that_are_no_numbers_are_refused_or_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    points(folder, "base.npy", &[0, 7, 29]);
    let why = fail(folder, "kmeans --base base.npy -k 3 --out c.npy", 1);
    assert!(why.contains("row 0, column 1 is not finite"), "{why}");
    let line =
        "kmeans --base base.npy -k 3 --init kmeans++ --out c.npy --labels l.npy --skip-nan --json";
    let summary = succeed(folder, line).json();
    assert_eq!((&summary["rows"], &summary["skipped"]), (&27.into(), &[0, 7, 29][..].into()));
    let labels = read_ids(folder.join("l.npy")).unwrap();
    assert_eq!(labels.len(), 30);
    let skipped: Vec<usize> = (0..30).filter(|&i| labels[i] == -1).collect();
    assert_eq!(skipped, [0, 7, 29]);
    assert!((3..27).filter(|i| i % 3 == 1 && *i != 7).all(|i| labels[i] == labels[1]));
}

#[test]
fn parts_of_a_file_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    points(folder, "base.npy", &[]);
    let line = "kmeans --base base.npy -k 2 --out c.npy --quiet --json";
    let of = |more: &str| succeed(folder, &format!("{line} {more}")).json();
    assert_eq!(of("--first 12")["rows"], 12);
    assert_eq!(of("--train-rows 9")["rows"], 9);
    assert_eq!(of("--train-rows 900")["rows"], 30);
    assert_eq!(of("--max-points-per-centroid 4")["trained_on"], 8);
    assert_eq!(of("--metric cosine --niter 2 --nredo 2 --balance")["metric"], "cosine");
    assert_eq!(of("--dtype u8")["k"], 2);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    points(folder, "base.npy", &[]);
    let why = fail(folder, "kmeans --base base.npy -k 31 --out c.npy", 2);
    assert!(why.contains("-k: 31 centroids of 30 points"), "{why}");
    for line in [
        "kmeans --base base.npy -k 0 --out c.npy",
        "kmeans --base base.npy -k 2 --out base.npy",
        "kmeans --base base.npy -k 2 --out c.npy --labels c.npy",
        "kmeans --base base.npy -k 2 --out c.u8bin",
        "kmeans --base base.npy -k 2 --out c.npy --labels l.fbin",
        "kmeans --base base.npy -k 2 --out c.npy --init best",
        "kmeans --base base.npy -k 2 --out c.npy --metric hamming",
        "kmeans --base base.npy -k 2 --out c.npy --labels l.npy --train-rows 9",
        "kmeans --base base.npy -k 2",
    ] {
        fail(folder, line, 2);
    }
    fail(folder, "kmeans --base missing.npy -k 2 --out c.npy", 1);
    assert_eq!(names(folder), ["base.npy"]);
}

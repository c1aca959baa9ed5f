//! `nearfield knn-graph`: what it finds is tested with the library.

use crate::support::{fail, names, succeed};
use nearfield::format::{create, open, read_ids};
use nearfield::{DType, Rows};
use std::path::Path;

/// Rows of one number each.
fn rows(folder: &Path, name: &str, values: &[f32]) {
    let mut out = create(folder.join(name), DType::F32, 1).unwrap();
    out.write(Rows::F32(values)).unwrap();
    out.finish().unwrap();
}

fn distances(folder: &Path, name: &str, n: u64) -> Vec<f32> {
    open(folder.join(name), None).unwrap().rows(0..n).unwrap().to_f32()
}

#[test]
fn neighbours_and_their_distances_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder, "base.npy", &[0.0, 1.0, 1.0, 5.0]);
    let line = "knn-graph --base base.npy -k 2 --out-ids i.npy --out-distances d.npy";
    let run = succeed(folder, line);
    let said = "2 neighbours of 4 rows of base.npy in i.npy and d.npy";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert_eq!(read_ids(folder.join("i.npy")).unwrap(), [1, 2, 2, 0, 1, 0, 1, 2]);
    let expected = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 16.0, 16.0];
    assert_eq!(distances(folder, "d.npy", 4), expected);
    // more than there are, in other formats, as a similarity
    let line = "knn-graph --base base.npy -k 4 --metric ip --out-ids i.ivecs --out-distances d.fvecs --json --quiet";
    let summary = succeed(folder, line).json();
    assert_eq!((&summary["k"], &summary["rows"]), (&4.into(), &4.into()));
    assert_eq!((&summary["metric"], &summary["nlist"]), (&"ip".into(), &().into()));
    let ids = read_ids(folder.join("i.ivecs")).unwrap();
    assert_eq!(ids[..8], [1, 2, 3, -1, 3, 2, 0, -1]);
    assert_eq!(distances(folder, "d.fvecs", 4)[4..8], [5.0, 1.0, 0.0, f32::MIN]);
}

#[test]
fn lists_are_looked_at_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let values: Vec<f32> = (0..40).map(|i| (i % 4 * 100 + i / 4) as f32).collect();
    rows(folder, "base.npy", &values);
    let line = "knn-graph --base base.npy -k 3 --out-distances d.npy --quiet --json";
    let some = format!("{line} --nlist 4 --nprobe 1 --out-ids some.npy");
    let summary = succeed(folder, &some).json();
    assert_eq!((&summary["nlist"], &summary["stats"]["ivf"]["nprobe"]), (&4.into(), &1.into()));
    succeed(folder, &format!("{line} --nlist 4 --nprobe 4 --out-ids all.npy"));
    succeed(folder, &format!("{line} --out-ids exact.npy"));
    let read = |name: &str| read_ids(folder.join(name)).unwrap();
    assert_eq!(read("all.npy"), read("exact.npy"));
    let alike = read("some.npy").iter().zip(&read("exact.npy")).filter(|(a, b)| a == b).count();
    assert!(alike > 60, "{alike} of 120");
}

#[test]
fn rows_that_are_skipped_are_no_neighbours_and_keep_their_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder, "base.npy", &[f32::NAN, 1.0, 2.0, f32::NAN, 4.0, f32::INFINITY]);
    let line = "knn-graph --base base.npy -k 2 --out-ids i.npy --out-distances d.npy";
    let why = fail(folder, line, 1);
    assert!(why.contains("row 0, column 0 is not finite"), "{why}");
    assert_eq!(names(folder), ["base.npy"]);
    let summary = succeed(folder, &format!("{line} --skip-nan --json --quiet")).json();
    assert_eq!((&summary["rows"], &summary["skipped"]), (&3.into(), &[0, 3, 5][..].into()));
    let ids = read_ids(folder.join("i.npy")).unwrap();
    assert_eq!(ids, [-1, -1, 2, 4, 1, 4, -1, -1, 2, 1, -1, -1]);
    let none = f32::MAX;
    let expected = [none, none, 1.0, 9.0, 1.0, 4.0, none, none, 4.0, 9.0, none, none];
    assert_eq!(distances(folder, "d.npy", 6), expected);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder, "base.npy", &[0.0, 1.0, 2.0]);
    let line = "knn-graph --base base.npy -k 2 --out-ids i.npy --out-distances d.npy";
    let why = fail(folder, &format!("{line} --nlist 4 --nprobe 1"), 2);
    assert!(why.contains("--nlist: 4 lists of 3 rows"), "{why}");
    for line in [
        "knn-graph --base base.npy -k 0 --out-ids i.npy --out-distances d.npy",
        "knn-graph --base base.npy -k 2 --out-ids i.npy",
        "knn-graph --base base.npy -k 2 --out-distances d.npy",
        "knn-graph --base base.npy -k 2 --out-ids i.npy --out-distances i.npy",
        "knn-graph --base base.npy -k 2 --out-ids base.npy --out-distances d.npy",
        "knn-graph --base base.npy -k 2 --out-ids i.fvecs --out-distances d.npy",
        "knn-graph --base base.npy -k 2 --out-ids i.npy --out-distances d.u8bin",
        "knn-graph --base base.npy -k 2 --metric hamming --out-ids i.npy --out-distances d.npy",
    ] {
        fail(folder, line, 2);
    }
    for more in ["--nlist 2", "--nprobe 2", "--nlist 0 --nprobe 1", "--nlist 2 --nprobe 0"] {
        fail(folder, &format!("{line} {more}"), 2);
    }
    assert_eq!(names(folder), ["base.npy"]);
}

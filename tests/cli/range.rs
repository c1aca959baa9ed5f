//! `nearfield range` against the oracle and against FAISS.

use crate::common::npy::Npy;
use crate::support::{block, faiss, pairwise, range_hits, succeed, with_set};
use nearfield::format::NpyWriter;
use nearfield::reference::{Problem, check_range};
use nearfield::{DType, Metric};

#[test]
fn every_kind_of_metric_keeps_what_faiss_keeps() {
    let sets = [
        ("plain", "l2"),
        ("plain", "ip"),
        ("bits", "hamming"),
        ("nan", "naneuclidean"),
        ("plain", "cosine"),
        ("plain", "l1"),
        ("positive", "jaccard"),
        ("mixed", "gower"),
    ];
    for (set, name) in sets.into_iter().take(if pairwise() { 3 } else { sets.len() }) {
        let radius = Npy::read(&faiss(&format!("{name}.radius"))).f32()[0];
        let lims = Npy::read(&faiss(&format!("{name}.lims"))).i32();
        let dtype = (set == "bits").then_some(DType::Bits);
        let folder = with_set(set);
        let folder = folder.path();
        let option = if dtype.is_some() { "--dtype bits" } else { "" };
        let line = "range --base base.npy --query query.npy --out out";
        succeed(folder, &format!("{line} --radius {radius} --metric {name} {option}"));
        let metric = Metric::from_name(name, dtype.unwrap_or(DType::F32)).unwrap();
        let (base, queries) = (block(folder, "base.npy", dtype), block(folder, "query.npy", dtype));
        let (measure, eligible) = (&metric, &|_: usize, _: usize| true);
        let problem = Problem { measure, queries: &queries, base: &base, eligible };
        let got = range_hits(folder, "out");
        check_range(&problem, radius, &got).unwrap_or_else(|why| panic!("{name}: {why}"));
        let counts: Vec<_> = got.iter().map(Vec::len).collect();
        let theirs: Vec<_> = lims.windows(2).map(|w| (w[1] - w[0]) as usize).collect();
        assert_eq!(counts, theirs, "{name}");
    }
}

#[test]
fn a_similarity_may_be_negative_and_a_radius_may_keep_all_or_nothing() {
    let folder = with_set("plain");
    let folder = folder.path();
    let line = "range --base base.npy --query query.npy --out out";
    succeed(folder, &format!("{line} --metric cosine --radius -0.25"));
    let (base, queries) = (block(folder, "base.npy", None), block(folder, "query.npy", None));
    let (measure, eligible) = (&Metric::Cosine, &|_: usize, _: usize| true);
    let problem = Problem { measure, queries: &queries, base: &base, eligible };
    check_range(&problem, -0.25, &range_hits(folder, "out")).unwrap();
    succeed(folder, &format!("{line} --radius 1e30"));
    assert!(range_hits(folder, "out").iter().all(|hits| hits.len() == 120));
    succeed(folder, &format!("{line} --radius 0"));
    assert_eq!(range_hits(folder, "out"), vec![vec![]; 6]);
}

#[test]
fn json_and_stats_say_what_was_done() {
    let folder = with_set("plain");
    let line = "range --base base.npy --query query.npy --radius 1e30 --out out --json --stats";
    let summary = succeed(folder.path(), line).json();
    assert_eq!((&summary["command"], &summary["hits"]), (&"range".into(), &720.into()));
    assert!(summary["radius"].as_f64().unwrap() > 9e29);
    let outputs = serde_json::json!(["out.lims.npy", "out.ids.npy", "out.dist.npy"]);
    assert_eq!(summary["outputs"], outputs);
    assert_eq!(summary["stats"]["queries"], 6);
}

#[test]
fn an_infinite_radius_keeps_all_or_nothing_and_is_a_word_in_json() {
    let folder = with_set("plain");
    let folder = folder.path();
    for (metric, all) in [("l2", "inf"), ("cosine", "-inf")] {
        let line =
            format!("range --base base.npy --query query.npy --out out --metric {metric} --json");
        for (radius, said, count) in [
            ("inf", "inf".into(), if all == "inf" { 120 } else { 0 }),
            ("-inf", "-inf".into(), if all == "-inf" { 120 } else { 0 }),
            ("1e39", serde_json::json!(1e39), if all == "inf" { 120 } else { 0 }),
        ] {
            let summary = succeed(folder, &format!("{line} --radius {radius}")).json();
            assert_eq!(summary["radius"], said);
            assert!(range_hits(folder, "out").iter().all(|hits| hits.len() == count), "{radius}");
        }
    }
}

/// No f32 lies between 1 and 1.00000001, but a distance of 1 is below it.
#[test]
fn a_radius_that_f32_lacks_keeps_what_is_within_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, rows) in [("base", &[[1f32, 0.0], [0.0, 0.0]][..]), ("query", &[[0.0, 0.0]])] {
        let mut file = NpyWriter::<f32>::create(folder.join(format!("{name}.npy")), &[2]).unwrap();
        file.write(rows.as_flattened()).unwrap();
        file.finish().unwrap();
    }
    for (radius, rows) in [("1", 1), ("1.00000001", 2), ("0.99999999", 1), ("1e-50", 1), ("0", 0)] {
        succeed(
            folder,
            &format!("range --base base.npy --query query.npy --radius {radius} --out out"),
        );
        assert_eq!(range_hits(folder, "out")[0].len(), rows, "{radius}");
    }
}

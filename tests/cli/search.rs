//! `nearfield search` against the oracle and against FAISS.

use crate::common::npy::Npy;
use crate::support::{block, faiss, hits, pairwise, succeed, with_set, write};
use nearfield::reference::{Custom, Problem, check_search};
use nearfield::{DType, Metric, Order, Rows};
use std::path::Path;

/// Checks `PREFIX.*` of a search for k of base.npy, converted to `dtype`, against the oracle.
fn check(folder: &Path, metric: &Metric, dtype: Option<DType>, k: usize, prefix: &str) {
    let bits = dtype.filter(|d| *d == DType::Bits);
    let (base, queries) = (block(folder, "base.npy", dtype), block(folder, "query.npy", bits));
    let all = |_: usize, _: usize| true;
    let problem = Problem { measure: metric, queries: &queries, base: &base, eligible: &all };
    let got = hits(folder, prefix, k, metric.order().no_hit());
    let excused = check_search(&problem, k, &got).unwrap_or_else(|why| panic!("{metric}: {why}"));
    println!("{metric} {dtype:?}: {excused}");
}

#[test]
fn every_metric_of_faiss_gives_its_answers() {
    let sets = [
        ("plain", "l2", "l2"),
        ("plain", "ip", "ip"),
        ("plain", "cosine", "cosine"),
        ("plain", "l1", "l1"),
        ("plain", "linf", "linf"),
        ("plain", "lp3", "lp:3"),
        ("plain", "lp0.5", "lp:0.5"),
        ("plain", "canberra", "canberra"),
        ("plain", "braycurtis", "braycurtis"),
        ("positive", "jensenshannon", "jensenshannon"),
        ("positive", "jaccard", "jaccard"),
        ("nan", "naneuclidean", "naneuclidean"),
        ("mixed", "gower", "gower"),
        ("bits", "hamming", "hamming"),
    ];
    let few = [1, 11, 13];
    for (i, (set, name, metric)) in sets.into_iter().enumerate() {
        if pairwise() && !few.contains(&i) {
            continue;
        }
        let dtype = (set == "bits").then_some(DType::Bits);
        let measure = Metric::from_name(metric, dtype.unwrap_or(DType::F32)).unwrap();
        let (ids, dist) =
            (Npy::read(&faiss(&format!("{name}.ids"))), Npy::read(&faiss(&format!("{name}.dist"))));
        let k = ids.shape[1];
        let folder = with_set(set);
        let option = if dtype.is_some() { "--dtype bits" } else { "" };
        let line = "search --base base.npy --query query.npy --out out";
        succeed(folder.path(), &format!("{line} -k {k} --metric {metric} {option}"));
        check(folder.path(), &measure, dtype, k, "out");
        let ours = hits(folder.path(), "out", k, measure.order().no_hit());
        for (query, ours) in ours.iter().enumerate() {
            let theirs = dist.f32()[query * k..][..k].to_vec();
            let found = ids.i32()[query * k..][..k].iter().filter(|&&id| id >= 0).count();
            assert_eq!(ours.len(), found, "{metric}, query {query}");
            for (&(_, a), &b) in ours.iter().zip(&theirs) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{metric}: {a} and FAISS's {b}");
            }
        }
    }
}

#[test]
fn metrics_beyond_faiss_follow_the_oracle() {
    let sets = [
        ("plain", "sqrtl2", DType::F32),
        ("plain", "correlation", DType::F32),
        ("positive", "hellinger", DType::F32),
        ("positive", "kl", DType::F32),
        ("plain", "Cosine_Distance", DType::F32),
        ("bits", "jaccard", DType::Bits),
        ("bits", "bit-jaccard", DType::Bits),
        ("bits", "dice", DType::Bits),
        ("bits", "russelrao", DType::Bits),
    ];
    for (set, name, dtype) in sets.into_iter().skip(if pairwise() { 4 } else { 0 }) {
        let folder = with_set(set);
        let line =
            format!("search --base base.npy --query query.npy --out out -k 7 --metric {name}");
        succeed(folder.path(), &format!("{line} --dtype {dtype}"));
        let metric = Metric::from_name(name, dtype).unwrap();
        check(folder.path(), &metric, Some(dtype), 7, "out");
    }
}

#[test]
fn the_base_is_converted() {
    let folder = with_set("plain");
    let folder = folder.path();
    let cases = [
        (DType::F16, "l2"),
        (DType::Bf16, "ip"),
        (DType::I8, "l2"),
        (DType::I8, "cosine"),
        (DType::F32, "l2"),
    ];
    for (dtype, name) in cases.into_iter().take(if pairwise() { 2 } else { cases.len() }) {
        let line = "search --base base.npy --query query.npy -k 5";
        succeed(folder, &format!("{line} --metric {name} --dtype {dtype} --force --out {dtype}"));
        let metric = Metric::from_name(name, dtype).unwrap();
        check(folder, &metric, Some(dtype), 5, dtype.name());
    }
}

#[test]
fn bytes_meet_bytes_in_integers_and_floats_in_f32() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (n, dim) = (90, 24);
    let bytes: Vec<u8> = (0..n * dim).map(|i| (i * i * 31 + i * 7) as u8).collect();
    let signed: Vec<i8> = bytes.iter().map(|&b| b as i8).collect();
    let queries = [Rows::U8(&bytes), Rows::I8(&signed)];
    for (rows, name) in queries.into_iter().zip(["l2", "ip"]) {
        write(folder, "base.npy", rows, dim);
        write(folder, "query.npy", rows.slice(dim, 20..23), dim);
        let line =
            format!("search --base base.npy --query query.npy -k 4 --metric {name} --out own");
        succeed(folder, &line);
        let metric = Metric::from_name(name, rows.dtype()).unwrap();
        check(folder, &metric, None, 4, "own");
        let floats = rows.slice(dim, 20..23).to_f32();
        write(folder, "query.npy", Rows::F32(&floats), dim);
        succeed(folder, &line.replace("own", "mixed"));
        check(folder, &metric, None, 4, "mixed");
        // Whole numbers below 2^24: the same to the bit either way.
        let no_hit = metric.order().no_hit();
        assert_eq!(hits(folder, "own", 4, no_hit), hits(folder, "mixed", 4, no_hit));
    }
}

#[test]
fn bfloat16_files_are_read_as_such_on_both_sides() {
    let folder = with_set("plain");
    let folder = folder.path();
    succeed(folder, "convert base.npy b.npy --dtype bf16");
    succeed(folder, "convert query.npy q.npy --dtype bf16");
    succeed(folder, "search --base b.npy --query q.npy --dtype bf16 -k 3 --out out");
    let bf16 = Some(DType::Bf16);
    let (base, queries) = (block(folder, "base.npy", bf16), block(folder, "query.npy", bf16));
    let (measure, eligible) = (&Metric::L2, &|_: usize, _: usize| true);
    let problem = Problem { measure, queries: &queries, base: &base, eligible };
    check_search(&problem, 3, &hits(folder, "out", 3, f32::MAX)).unwrap();
}

#[test]
fn more_neighbours_than_rows_leave_places_empty() {
    let folder = with_set("plain");
    for (name, metric) in [("l2", Metric::L2), ("ip", Metric::InnerProduct)] {
        let line = "search --base base.npy --query query.npy -k 300";
        succeed(folder.path(), &format!("{line} --metric {name} --out {name}"));
        check(folder.path(), &metric, None, 300, name);
    }
}

#[test]
fn no_queries_and_no_rows_are_answered() {
    let folder = with_set("plain");
    let folder = folder.path();
    write(folder, "none.npy", Rows::F32(&[]), 19);
    succeed(folder, "search --base base.npy --query none.npy -k 4 --out a");
    assert_eq!(hits(folder, "a", 4, f32::MAX), Vec::<Vec<_>>::new());
    succeed(folder, "search --base none.npy --query query.npy -k 4 --out b");
    assert_eq!(hits(folder, "b", 4, f32::MAX), vec![vec![]; 6]);
}

#[test]
fn a_metric_comes_from_a_file() {
    let folder = with_set("plain");
    let folder = folder.path();
    let text = "\u{feff}// A similarity with a head start.\n// initial: 2.5\n// Order: Descending\n\n\
        fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + min(q, x); }\n\
        fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }\n";
    std::fs::write(folder.join("mine.wgsl"), text).unwrap();
    succeed(
        folder,
        "search --base base.npy --query query.npy -k 8 --metric wgsl:mine.wgsl --out out",
    );
    let measure = Custom {
        order: Order::Descending,
        initial: 2.5,
        accumulate: |acc: f64, q: f64, x: f64| acc + q.min(x),
        finish: |acc: f64, d: usize| acc / d as f64,
        tau: |_: &[f64], _: &[f64], m: f64| 1e-5 * (1.0 + m.abs()),
    };
    let (base, queries) = (block(folder, "base.npy", None), block(folder, "query.npy", None));
    let eligible = &|_: usize, _: usize| true;
    let problem = Problem { measure: &measure, queries: &queries, base: &base, eligible };
    check_search(&problem, 8, &hits(folder, "out", 8, f32::MIN)).unwrap();
}

#[test]
fn json_and_stats_say_what_was_done() {
    let folder = with_set("plain");
    let folder = folder.path();
    let line = "search --base base.npy --query query.npy -k 3 --out out";
    let run = succeed(folder, line);
    assert!(
        run.stdout.contains("18 hits of 6 queries in out.ids.npy, out.dist.npy"),
        "{}",
        run.stdout
    );
    let quiet = succeed(folder, &format!("{line} --quiet"));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let stats = succeed(folder, &format!("{line} --stats"));
    assert!(stats.stderr.contains("6 queries x 120 rows"), "{}", stats.stderr);
    assert!(stats.stderr.contains("kernel"), "{}", stats.stderr);
    assert!(stats.stderr.contains("ms from call to return"), "{}", stats.stderr);
    let summary = succeed(folder, &format!("{line} --stats --json")).json();
    assert_eq!(summary["command"], "search");
    assert_eq!((&summary["k"], &summary["hits"]), (&3.into(), &18.into()));
    assert_eq!(summary["metric"], "l2");
    assert_eq!((&summary["base"]["rows"], &summary["base"]["dim"]), (&120.into(), &19.into()));
    assert_eq!(summary["outputs"], serde_json::json!(["out.ids.npy", "out.dist.npy"]));
    assert!(summary["seconds"]["total"].as_f64().unwrap() > 0.0);
    let stats = &summary["stats"];
    assert_eq!((&stats["queries"], &stats["rows"]), (&6.into(), &120.into()));
    assert!(!stats["variants"].as_array().unwrap().is_empty(), "{stats}");
    assert!(stats["flops"].as_u64().unwrap() >= 2 * 6 * 120 * 19);
    let [wall, device, host] = ["wall_ms", "device_ms", "host_ms"].map(|name| stats[name].as_f64());
    let seconds = summary["seconds"]["search"].as_f64().unwrap();
    assert!(wall.unwrap() > 0.0 && wall.unwrap() <= seconds * 1e3, "{summary}");
    // an adapter without timestamps leaves both out
    let left = device.map(|device| wall.unwrap() - device);
    assert_eq!(host.is_some(), left.is_some(), "{stats}");
    assert!((host.unwrap_or(0.0) - left.unwrap_or(0.0)).abs() < 1e-6, "{stats}");
    assert!(stats["exact"]["sums_exact"].is_boolean() && stats["stream"]["chunks"] == 0, "{stats}");
    let stages = stats["times"].as_array().unwrap();
    assert!(stages.iter().all(|t| t["stage"].is_string() && t["nanoseconds"].is_u64()), "{stats}");
    assert_eq!(device.is_some(), !stages.is_empty(), "{stats}");
    assert!(summary["device_memory"]["peak"].as_u64().unwrap() > 120 * 19 * 4);
}

//! `nearfield tune`: the profile that it writes, and what it leaves alone.

use crate::support::{fail, succeed};
use nearfield::{Flat, Gpu, Index, Metric, Search};
use std::path::Path;
use toml::{Table, Value};

const LINE: &str = "tune --quick --kernel scan --rows 5000 --dim 32 --minutes 0.3";

#[test]
fn a_profile_is_written_that_loads_and_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let summary = succeed(folder, &format!("{LINE} --json")).json();
    assert_eq!((&summary["command"], &summary["rows"]), (&"tune".into(), &5000.into()));
    let sections = summary["sections"].as_array().unwrap();
    assert_eq!(sections.len(), 2, "{summary}");
    let tiles = sections[0]["candidates"].as_array().unwrap();
    assert!(!tiles.is_empty() && tiles.iter().all(|c| c["checked"] == true), "{summary}");
    assert!(tiles[0]["present"] == true && tiles[0]["relative"] == 1.0, "{summary}");
    assert_eq!(tiles.iter().filter(|c| c["chosen"] == true).count(), 1, "{summary}");

    let path = folder.join("nearfield-profile.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let profile: Table = text.parse().unwrap();
    assert_eq!(profile["measured"], Value::Boolean(true));
    assert_eq!(profile["match"]["names"][0].as_str(), summary["adapter"].as_str());
    assert!(profile["description"].as_str().unwrap().contains("5000 rows of 32"), "{text}");
    only_known_keys(&profile);

    let (plain, tuned) = (Gpu::new().unwrap(), Gpu::builder().profile(&path).build().unwrap());
    assert_eq!(tuned.profile().name(), path.display().to_string());
    assert!(tuned.profile().is_measured());
    let rows: Vec<f32> = (0..5000 * 32).map(|i| ((i * 7919) % 1009) as f32 / 1009.0).collect();
    let search = |gpu: &Gpu| {
        let index = Flat::new(gpu, 32, Metric::L2).unwrap();
        index.add(&rows).unwrap();
        let hits = index.search(&rows[..40 * 32], 5).unwrap();
        (hits.ids().to_vec(), hits.distances().to_vec())
    };
    assert_eq!(search(&plain), search(&tuned));

    // What is there stays, and says how it could go.
    let message = fail(folder, LINE, 2);
    assert!(message.contains("--force"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn lists_are_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let line = "tune --quick --kernel lists --rows 2000 --dim 16 --minutes 0.1 --json --out p.toml";
    let summary = succeed(folder.path(), line).json();
    let sections = summary["sections"].as_array().unwrap();
    // without matrix units there is no choice of the two ways
    assert!([2, 3].contains(&sections.len()), "{summary}");
    assert!(sections.iter().all(|section| section["kernel"] == "lists"), "{summary}");
    let rows = sections.last().unwrap()["candidates"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|c| c["checked"] == true), "{summary}");
    assert_eq!(rows.iter().filter(|c| c["chosen"] == true).count(), 1, "{summary}");
    let text = std::fs::read_to_string(folder.path().join("p.toml")).unwrap();
    only_known_keys(&text.parse().unwrap());
}

#[test]
fn codes_are_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let line = "tune --quick --kernel codes --rows 2000 --dim 16 --minutes 0.1 --json --out p.toml";
    let summary = succeed(folder.path(), line).json();
    let sections = summary["sections"].as_array().unwrap();
    assert_eq!(sections.len(), 3, "{summary}");
    assert!(sections.iter().all(|section| section["kernel"] == "codes"), "{summary}");
    // both ways were right at every number that was tried
    let flat = sections[0]["candidates"].as_array().unwrap();
    assert!(!flat.is_empty() && flat.iter().all(|c| c["checked"] == true), "{summary}");
    // and where there was time for it, so were products that are looked up; no kernel ran in the place of another
    let looked_up = sections[1]["candidates"].as_array().unwrap();
    assert!(looked_up.iter().all(|c| c["checked"] == true), "{summary}");
    assert!(!summary.to_string().contains("instead"), "{summary}");
    let text = std::fs::read_to_string(folder.path().join("p.toml")).unwrap();
    only_known_keys(&text.parse().unwrap());
}

#[test]
fn graphs_are_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let line = "tune --quick --kernel graph --rows 1024 --dim 8 --minutes 0.04 --json --out p.toml";
    let summary = succeed(folder.path(), line).json();
    let sections = summary["sections"].as_array().unwrap();
    assert_eq!(sections.len(), 2, "{summary}");
    assert!(sections.iter().all(|section| section["kernel"] == "graph"), "{summary}");
    let threads = sections[0]["candidates"].as_array().unwrap();
    assert!(!threads.is_empty() && threads.iter().all(|c| c["checked"] == true), "{summary}");
    assert_eq!(threads.iter().filter(|c| c["chosen"] == true).count(), 1, "{summary}");
    assert!(threads[0]["candidate"].as_str().unwrap().starts_with("threads "), "{summary}");
    // of both ways there is a time at every number of rows, unless the first choice took all of it
    let rows = sections[1]["candidates"].as_array().unwrap();
    assert!(sections[1]["skipped"] == 1 || rows.iter().all(|c| c["checked"] == true), "{summary}");
    let text = std::fs::read_to_string(folder.path().join("p.toml")).unwrap();
    only_known_keys(&text.parse().unwrap());
}

/// Every key stands in the baseline, with a value of the same type.
fn only_known_keys(profile: &Table) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("device-profiles/baseline.toml");
    let baseline: Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let known = |section: &str, keys: &Value, of: Option<&Value>| {
        let of = of.unwrap_or_else(|| panic!("the baseline has no section {section}"));
        for (key, value) in keys.as_table().unwrap() {
            assert!(of.get(key).is_some_and(|v| v.same_type(value)), "{section}.{key} = {value}");
        }
    };
    for (name, value) in profile {
        match name.as_str() {
            "measured" | "description" | "match" => {}
            "kernel" => {
                for (section, keys) in value.as_table().unwrap() {
                    known(section, keys, baseline["kernel"].get(section));
                }
            }
            _ => known(name, value, baseline.get(name)),
        }
    }
}

#[test]
fn what_cannot_be_tuned_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (line, expected) in [
        ("tune --kernel sort", "invalid value 'sort'"),
        ("tune --rows 10", "10 is not in 1024.."),
        ("tune --dim 0", "0 is not in 1..=65536"),
        ("tune --minutes 0", "number of minutes"),
    ] {
        let message = fail(folder, line, 2);
        assert!(message.contains(expected), "{line}: {message}");
    }
    let message = fail(folder, "tune --quick --adapter abacus", 1);
    assert!(message.contains("abacus"), "{message}");
    fail(folder, "tune --quick --out nowhere/mine.toml", 1);
}

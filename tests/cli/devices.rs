//! `nearfield devices`, and the options that choose one.

use crate::support::{command, fail, nearfield, succeed, with_set};

#[test]
fn the_chosen_adapter_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeed(folder.path(), "devices").stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("* ")).count(), 1, "{text}");
    let list = succeed(folder.path(), "devices --json").json();
    let adapters = list["adapters"].as_array().unwrap();
    let chosen: Vec<_> = adapters.iter().filter(|a| a["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1, "{list}");
    assert_eq!(chosen[0]["name"], list["caps"]["name"]);
    assert!(text.contains(chosen[0]["name"].as_str().unwrap()));
    assert!(list["caps"]["max_binding_bytes"].as_u64().unwrap() >= 128 << 20);
    assert!(list["memory"]["budget"].as_u64().unwrap() > 0);
    // scripts read numbers and booleans, under names that stay
    let caps = list["caps"].as_object().unwrap();
    for name in ["software", "f16", "timestamps", "pipeline_cache"] {
        assert!(caps[name].is_boolean(), "{name}: {list}");
    }
    for name in ["subgroup_max", "vendor_id", "max_workgroup_threads", "max_dispatch"] {
        assert!(caps[name].is_u64(), "{name}: {list}");
    }
    for name in ["name", "backend", "device_type", "driver", "pci"] {
        assert_eq!(chosen[0][name], caps[name]);
    }
    let is_shape = |shape: &serde_json::Value| shape["m"].is_u64() && shape["input"].is_string();
    assert!(caps["coop"].as_array().unwrap().iter().all(is_shape), "{list}");
    let profile = &list["profile"];
    assert!(profile["name"].is_string() && profile["measured"].is_boolean(), "{profile}");
    let settings = profile["settings"].as_object().unwrap();
    assert!(settings["submit"]["gflops"].is_number(), "{profile}");
    assert!(
        settings.values().flat_map(|s| s.as_object().unwrap().values()).all(|v| !v.is_object())
    );
    let memory = list["memory"].as_object().unwrap();
    let names = ["budget", "in_use", "labels", "peak", "pool_hits", "pool_misses", "pooled"];
    assert!(memory.keys().eq(names), "{list}");

    let index = chosen[0]["index"].to_string();
    let again = succeed(folder.path(), &format!("--adapter {index} devices --json")).json();
    assert_eq!(again["adapters"], list["adapters"]);
}

#[test]
fn an_adapter_that_is_not_there_is_named() {
    let folder = with_set("plain");
    let message = fail(folder.path(), "devices --adapter abacus", 1);
    assert!(message.contains("no GPU adapter matching \"abacus\""), "{message}");
    let line = "search --base base.npy --query query.npy -k 1 --out x --adapter abacus";
    fail(folder.path(), line, 1);
}

#[test]
fn the_budget_is_kept() {
    let folder = with_set("plain");
    let budget = succeed(folder.path(), "devices --json --memory-budget 3M").json();
    assert_eq!(budget["memory"]["budget"], 3 << 20);
    let line = "search --base base.npy --query query.npy -k 1 --out x --memory-budget 64";
    let message = fail(folder.path(), line, 1);
    assert!(message.contains("out of device memory"), "{message}");
}

#[test]
fn a_number_is_a_place_and_an_empty_text_no_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let list = succeed(folder, "devices --json").json();
    let adapters = list["adapters"].as_array().unwrap();
    let beyond = adapters.len();
    for number in
        [beyond.to_string(), "-1".into(), "00".into(), "1e0".into(), "99999999999999999999".into()]
    {
        let message = fail(folder, &format!("devices --adapter={number}"), 1);
        assert!(message.contains(&format!("at place {number}")), "{message}");
        assert!(message.contains("there are [0: "), "{message}");
    }
    for adapter in adapters {
        let pci = adapter["pci"].as_str().unwrap();
        if pci.is_empty() {
            continue;
        }
        let again = succeed(folder, &format!("devices --json --adapter {pci}")).json();
        assert_eq!(again["caps"]["pci"], pci);
    }
    let run = nearfield(folder, &["devices", "--adapter", ""]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("adapter: an empty text"), "{}", run.stderr);
}

#[test]
fn a_variable_that_nothing_reads_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let stderr = |arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        command.env("NEARFIELD_SCAN_FOO", "1").env_remove("RUST_LOG");
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let text = stderr(&["devices"]);
    assert_eq!(text.matches("NEARFIELD_SCAN_FOO").count(), 1, "{text}");
    assert!(!stderr(&["devices", "--quiet"]).contains("NEARFIELD_SCAN_FOO"));
}

//! Runs without a GPU. The device profiles: every file changes only what the baseline has, its tile fits the adapters that it
//! is for, and adapters find their family by the names that drivers give them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// Adapter and driver as they are reported, and the family that is meant.
const ADAPTERS: &[(&str, &str)] = &[
    ("NVIDIA H200", "nvidia-hopper"),
    ("NVIDIA H100 80GB HBM3", "nvidia-hopper"),
    ("NVIDIA GH200 480GB", "nvidia-hopper"),
    ("NVIDIA A100-SXM4-40GB", "nvidia-ampere"),
    ("NVIDIA A10G", "nvidia-ampere"),
    ("NVIDIA RTX A6000", "nvidia-ampere"),
    ("NVIDIA GeForce RTX 3080 Laptop GPU", "nvidia-ampere"),
    ("NVIDIA L40S", "nvidia-ada"),
    ("NVIDIA GeForce RTX 4090", "nvidia-ada"),
    ("NVIDIA RTX 6000 Ada Generation", "nvidia-ada"),
    ("NVIDIA GeForce RTX 5080", "nvidia-blackwell"),
    ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "nvidia-blackwell"),
    ("NVIDIA GB10", "nvidia-blackwell"),
    ("NVIDIA GeForce RTX 2080 Ti", "baseline"),
    ("AMD Radeon RX 6800 XT (RADV NAVI21) radv", "amd-rdna2"),
    ("AMD Custom GPU 0405 (RADV VANGOGH) radv", "amd-rdna2"),
    ("AMD Radeon RX 6600", "amd-rdna2"),
    ("AMD Radeon RX 7900 XTX (RADV NAVI31) radv", "amd-rdna3"),
    ("AMD Radeon 780M Graphics (RADV PHOENIX) radv", "amd-rdna3"),
    ("AMD Radeon(TM) 890M Graphics", "amd-rdna3"),
    ("AMD Radeon RX 9070 XT (RADV GFX1201) radv", "amd-rdna4"),
    ("AMD Instinct MI300X", "amd-cdna"),
    ("AMD Radeon RX 580 Series (RADV POLARIS10) radv", "baseline"),
    ("Intel(R) Arc(tm) A770 Graphics (DG2)", "intel-xe"),
    ("Intel(R) Arc(TM) B580 Graphics", "intel-xe"),
    ("Intel(R) Iris(R) Xe Graphics (TGL GT2)", "intel-xe"),
    ("Intel(R) UHD Graphics 770 (ADL-S GT1)", "intel-xe"),
    ("Intel(R) HD Graphics 530 (SKL GT2)", "baseline"),
    ("Apple M1", "apple-m1"),
    ("Apple M2 Ultra", "apple-m2"),
    ("Apple M3 Pro", "apple-m3"),
    ("Apple M4 Max", "apple-m4"),
    ("Apple M5", "apple-m5"),
    ("llvmpipe (LLVM 15.0.6, 256 bits) llvmpipe", "lavapipe"),
    ("SwiftShader Device (Subzero) SwiftShader driver", "swiftshader"),
];

/// Workgroup memory of the smallest adapter that a family's profile is for.
const WORKGROUP_BYTES: i64 = 32 << 10;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/device-profiles"))
}

fn profiles() -> BTreeMap<String, (String, Table)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder()).expect("device-profiles is there") {
        let path = entry.expect("a directory entry can be read").path();
        if path.extension().is_some_and(|e| e == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("a profile can be read");
            let table = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            found.insert(name, (text, table));
        }
    }
    found
}

/// `scan.bm` and so on, without the `kernel` in front.
fn keys(profile: &Table) -> BTreeMap<String, Value> {
    let mut keys = BTreeMap::new();
    let kernels = profile.get("kernel").and_then(Value::as_table).into_iter().flatten();
    let sections = profile.iter().filter(|(name, _)| *name != "kernel" && *name != "match");
    for (section, values) in kernels.chain(sections) {
        for (key, value) in values.as_table().into_iter().flatten() {
            keys.insert(format!("{section}.{key}"), value.clone());
        }
    }
    keys
}

#[test]
fn each_profile_changes_only_what_the_baseline_has() {
    let profiles = profiles();
    let baseline = keys(&profiles["baseline"].1);
    for (name, (text, profile)) in profiles.iter().filter(|(name, _)| *name != "baseline") {
        assert!(text.starts_with("# "), "{name}: does not open with what its numbers rest on");
        assert!(profile.get("measured").is_some_and(Value::is_bool), "{name}: measured = ?");
        for (key, value) in keys(profile) {
            let base =
                baseline.get(&key).unwrap_or_else(|| panic!("{name}: {key} has no baseline"));
            assert!(value.same_type(base), "{name}: {key} = {value}, the baseline has {base}");
            // Metal must not follow the baseline to a load that nobody has seen work there
            let kept = name.starts_with("apple-") && key == "matrix.bias";
            assert!(kept || value != *base, "{name}: {key} = {value} is what the baseline has");
        }
    }
    println!("{} profiles, {} keys", profiles.len(), baseline.len());
}

#[test]
fn every_key_is_documented() {
    let readme = fs::read_to_string(folder().join("README.md")).expect("the README is there");
    for key in keys(&profiles()["baseline"].1).keys() {
        // kernel.scan.bm in full, the others of a row by their last part
        let (section, key) = key.split_once('.').expect("a section and a key");
        let names = |line: &str| {
            let first = line.split('|').nth(1).unwrap_or_default();
            let full =
                if section == "submit" { "`submit.".into() } else { format!("`kernel.{section}.") };
            first.contains(&format!("{full}{key}`"))
                || first.contains(&full) && first.contains(&format!(", `{key}`"))
        };
        let rows = readme.lines().filter(|line| line.starts_with('|') && names(line));
        assert_eq!(rows.count(), 1, "{section}.{key} in device-profiles/README.md");
    }
}

#[test]
fn each_tile_fits() {
    for (name, (_, profile)) in profiles() {
        let mut all = keys(&profiles()["baseline"].1);
        all.extend(keys(&profile));
        let get = |key: &str| all[key].as_integer().expect("a whole number");
        let (bm, bn, bk) = (get("scan.bm"), get("scan.bn"), get("scan.bk"));
        let (tm, tn) = (get("scan.tm"), get("scan.tn"));
        assert_eq!((bm % tm, bn % tn), (0, 0), "{name}: {tm} x {tn} do not tile {bm} x {bn}");
        let threads = (bm / tm) * (bn / tn);
        assert!(threads % 64 == 0 && threads <= 256, "{name}: {threads} threads");
        let bytes = 4 * (bm + bn) * bk;
        assert!(bytes <= WORKGROUP_BYTES, "{name}: {bytes} bytes of workgroup memory");
        assert_eq!(get("select.threads") % 64, 0, "{name}");
        assert_eq!(get("select.threads_few_queries") % 256, 0, "{name}");
    }
}

/// The rule of device-profiles/README.md: the longest name that is part of the adapter's.
fn family(profiles: &BTreeMap<String, (String, Table)>, adapter: &str) -> String {
    let adapter = adapter.to_lowercase();
    let names = profiles.iter().flat_map(|(family, (_, profile))| {
        let names = profile.get("match").and_then(|m| m.get("names")).and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(move |name| (name, family))
    });
    let fitting = names.filter(|(name, _)| adapter.contains(&name.to_lowercase()));
    fitting
        .max_by_key(|(name, _)| name.len())
        .map_or("baseline".into(), |(_, family)| family.clone())
}

#[test]
fn adapters_find_their_family() {
    let profiles = profiles();
    for (adapter, expected) in ADAPTERS {
        assert_eq!(family(&profiles, adapter), *expected, "{adapter}");
    }
    let tried: Vec<&str> = ADAPTERS.iter().map(|(_, family)| *family).collect();
    let untried = profiles.keys().find(|name| !tried.contains(&name.as_str()));
    assert_eq!(untried, None, "a profile that no adapter of the table finds");
    println!("{} adapters", ADAPTERS.len());
}

#[test]
fn every_profile_is_built_in() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/src/device/profiles.rs");
    let list = fs::read_to_string(list).expect("src/device/profiles.rs is there");
    for name in profiles().keys() {
        let (listed, included) = (format!("\"{name}\""), format!("/{name}.toml\""));
        assert!(list.contains(&listed) || list.contains(&included), "{name}: not in profiles.rs");
    }
}

use super::*;

fn baseline() -> Profile {
    let file = File::parse("baseline", BASELINE).unwrap();
    Profile {
        name: file.name,
        measured: file.measured,
        values: file.values,
        given: BTreeMap::new(),
    }
}

#[test]
fn a_file_changes_what_it_names() {
    let mut profile = baseline();
    let text = "measured = false\n[match]\nnames = [\"x\"]\n[kernel.scan]\nbm = 128\n";
    profile.overlay(File::parse("mine", text).unwrap()).unwrap();
    assert_eq!(profile.u32("scan", "bm").unwrap(), 128);
    assert_eq!(profile.u32("scan", "bn").unwrap(), 64);
    assert_eq!((profile.name(), profile.is_measured()), ("mine", false));
}

#[test]
fn a_section_may_stand_outside_of_kernel() {
    assert_eq!(baseline().u32("submit", "max_ms").unwrap(), 50);
    assert_eq!(baseline().f64("submit", "max_ms").unwrap(), 50.0);
}

#[test]
fn unknown_keys_and_wrong_types_are_errors() {
    for text in [
        "[kernel.scan]\nbogus = 1",
        "[kernel.bogus]\nbm = 1",
        "[kernel.scan]\nbm = \"64\"",
        "[kernel.scan]\nbm = 64.5",
        "[kernel.scan]\nbm = [64]",
        "kernel = 1",
        "stray = 1",
        "not toml",
    ] {
        let outcome = File::parse("mine", text).and_then(|file| baseline().overlay(file));
        assert!(matches!(outcome, Err(Error::Profile { .. })), "{text}: {outcome:?}");
    }
}

#[test]
fn text_is_read_in_the_type_of_its_key() {
    let mut profile = baseline();
    profile.set("env", "scan", "bm", "32").unwrap();
    assert_eq!(profile.u32("scan", "bm").unwrap(), 32);
    assert!(profile.set("env", "scan", "bm", "many").is_err());
    assert!(profile.set("env", "scan", "bogus", "1").is_err());
    assert!(profile.u32("scan", "bogus").is_err());
    assert!(profile.str("scan", "bm").is_err());
}

#[test]
fn the_environment_wins_over_files() {
    let mut profile = baseline();
    let lookup = |name: &str| (name == "NEARFIELD_SELECT_THREADS").then(|| "128".to_owned());
    profile.overlay_environment(lookup).unwrap();
    assert_eq!(profile.u32("select", "threads").unwrap(), 128);
    assert_eq!(profile.u32("scan", "bm").unwrap(), 64);
    assert!(profile.overlay_environment(|_| Some("?".into())).is_err());
}

#[test]
fn every_built_in_profile_fits_the_baseline_and_matches_something() {
    for (name, text) in BUILT_IN {
        let file = File::parse(name, text).unwrap();
        let names = file.matching.get("names").and_then(Value::as_array).unwrap();
        assert!(!names.is_empty() && names.iter().all(Value::is_str), "{name}");
        baseline().overlay(file).unwrap();
    }
}

/// What an error says, its place included.
fn message<T>(outcome: Result<T>) -> String {
    outcome.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_file_with_a_former_key_is_told_the_new_one() {
    for (section, old, new) in RENAMED {
        let file = File::parse("mine", &format!("[kernel.{section}]\n{old} = 1\n")).unwrap();
        let message = message(baseline().overlay(file));
        let expected = format!("kernel.{section}.{old} is now kernel.{section}.{new}");
        assert!(message.contains("mine") && message.contains(&expected), "{message}");
        let value = baseline().value_of(section, new).unwrap().clone();
        let file = File::parse("mine", &format!("[kernel.{section}]\n{new} = {value}\n")).unwrap();
        baseline().overlay(file).unwrap();
    }
}

#[test]
fn a_setting_of_a_former_key_is_told_the_new_one() {
    for (section, old, new) in RENAMED {
        let message = message(baseline().with(&dotted(section, old), 1));
        let expected = format!("kernel.{section}.{old} is now kernel.{section}.{new}");
        assert!(message.contains(&expected), "{message}");
        baseline().with(&dotted(section, new), baseline().value_of(section, new).unwrap()).unwrap();
    }
}

#[test]
fn a_variable_of_a_former_key_is_told_the_new_one() {
    for (section, old, new) in RENAMED {
        let value = baseline().value_of(section, new).unwrap().to_string();
        let [old, new] = [old, new].map(|key| format!("NEARFIELD_{section}_{key}").to_uppercase());
        let only = |set: &str| {
            let (set, value) = (set.to_owned(), value.clone());
            move |name: &str| (name == set).then(|| value.clone())
        };
        let message = message(baseline().overlay_environment(only(&old)));
        assert!(message.contains(&format!("{old} is now {new}")), "{message}");
        baseline().overlay_environment(only(&new)).unwrap();
    }
}

#[test]
fn whoever_gave_a_value_is_named_in_errors_about_it() {
    let mut profile = baseline();
    let fault = |profile: &Profile, keys: &[&str]| {
        profile.fault("scan", keys, "too odd".to_owned()).to_string()
    };
    assert_eq!(fault(&profile, &["bm", "bn"]), "device profile baseline: too odd");
    let lookup = |name: &str| (name == "NEARFIELD_SCAN_BM").then(|| "48".to_owned());
    profile.overlay_environment(lookup).unwrap();
    assert_eq!(fault(&profile, &["bm", "bn"]), "NEARFIELD_SCAN_BM: too odd");
    assert_eq!(fault(&profile, &["bn"]), "device profile baseline: too odd");
    let profile = profile.with("kernel.scan.bn", 128).unwrap();
    assert_eq!(
        fault(&profile, &["bm", "bn"]),
        "NEARFIELD_SCAN_BM, setting kernel.scan.bn: too odd"
    );
    let wrong = |name: &str| (name == "NEARFIELD_SELECT_THREADS").then(|| "96".to_owned());
    let text = message(baseline().overlay_environment(wrong));
    assert!(text.starts_with("NEARFIELD_SELECT_THREADS: 96 is not a power of two"), "{text}");
}

#[test]
fn an_unknown_key_is_told_the_nearest() {
    for (name, near) in [
        ("kernel.scan.max_row_query", "kernel.scan.max_row_queries"),
        ("scan.mb", "kernel.scan.bm"),
        ("submit.maxms", "submit.max_ms"),
        ("min_rows", "kernel.scan.min_rows"),
    ] {
        let text = message(baseline().with(name, 1));
        assert!(text.ends_with(&format!("did you mean {near}?")), "{text}");
    }
    assert!(!message(baseline().with("nothing.like_it", 1)).contains("did you mean"));
    assert!(
        baseline().with("scan.bm", 32).is_ok() && baseline().with("kernel.scan.bm", 32).is_ok()
    );
    // entries are taken back as they are
    for (name, value) in baseline().entries() {
        assert_eq!(baseline().with(&name, &value).unwrap().get(&name), Some(value));
    }
}

//! Variables of the environment that look like this crate's and are not: most of them misspelt.

use super::options::VARIABLES;
use super::profile::Profile;
use crate::error::Result;
use crate::names::suggestion;
use std::collections::BTreeSet;
use std::sync::Once;

const PREFIX: &str = "NEARFIELD_";

/// What the scripts of this repository's tests read, which set other variables beside them; and what begins the names of more.
const OF_SCRIPTS: [&str; 5] = ["LANES", "STAGE_LIMIT", "DRIVERS", "CLANG", "DXC"];
const OF_TESTS: &str = "TEST_";

/// Warns of each unknown variable, once in a process: it changes nothing, and whoever set it thinks that it does.
pub(super) fn warn_of_unknown() -> Result<()> {
    static WARNED: Once = Once::new();
    let profile = Profile::baseline()?;
    WARNED.call_once(|| {
        let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in unknown(set, &profile) {
            log::warn!("{}", warning(&name, &profile));
        }
    });
    Ok(())
}

fn warning(name: &str, profile: &Profile) -> String {
    let keys: Vec<String> = profile.variables().collect();
    let near = suggestion(name, VARIABLES.into_iter().chain(keys.iter().map(String::as_str)));
    format!("{name} is set, and nothing here has that name{near}")
}

fn unknown(set: impl Iterator<Item = String>, profile: &Profile) -> BTreeSet<String> {
    let known: BTreeSet<String> = profile.variables().collect();
    let ours = |name: &String| {
        let rest = name.strip_prefix(PREFIX).unwrap_or_default();
        VARIABLES.contains(&name.as_str())
            || known.contains(name)
            || OF_SCRIPTS.contains(&rest)
            || rest.starts_with(OF_TESTS)
    };
    set.filter(|name| name.starts_with(PREFIX) && !ours(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nothing_reads_are_found() {
        let profile = Profile::baseline().unwrap();
        let set = [
            "PATH",
            "NEARFIELD_ADAPTER",
            "NEARFIELD_SCAN_BM",
            "NEARFIELD_TEST_SET",
            "NEARFIELD_LANES",
            "NEARFIELD_LANESX",
            "NEARFIELD_CACHE_DIR",
            "NEARFIELD_SCAN_FOO",
            "NEARFIELD_ADAPTOR",
            "nearfield_adapter",
        ];
        let found = unknown(set.into_iter().map(str::to_owned), &profile);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["NEARFIELD_ADAPTOR", "NEARFIELD_LANESX", "NEARFIELD_SCAN_FOO"]
        );
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let profile = Profile::baseline().unwrap();
        for (name, near) in [
            ("NEARFIELD_ADAPTOR", "NEARFIELD_ADAPTER"),
            ("NEARFIELD_SCAN_MAX_ROW_QUERY", "NEARFIELD_SCAN_MAX_ROW_QUERIES"),
        ] {
            let text = warning(name, &profile);
            assert!(text.ends_with(&format!("; did you mean {near}?")), "{text}");
        }
        assert!(!warning("NEARFIELD_SOMETHING_ELSE_ALTOGETHER", &profile).contains("did you mean"));
    }
}

//! What is asked of a device, by the builder or by the environment.

use super::adapter::Backend;
use super::caps::CoopShape;
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Every choice, builder calls merged with the environment.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) adapter: Option<String>,
    pub(super) backend: Option<Backend>,
    pub(super) memory_budget: Option<u64>,
    pub(super) profile: Option<PathBuf>,
    pub(super) max_segment_bytes: Option<u64>,
    pub(super) poison: Option<bool>,
    pub(super) checked: Option<bool>,
    pub(super) disable: Option<Disable>,
    pub(super) force_coop: Vec<CoopShape>,
    /// (section, key, value) that win over every profile.
    pub(super) tuning: Vec<(String, String, String)>,
}

impl Options {
    /// Fills what the builder left open from the environment.
    pub(super) fn with_environment(mut self) -> Result<Self> {
        self.adapter = self.adapter.or_else(|| variable("NEARFIELD_ADAPTER"));
        self.profile = self.profile.or_else(|| variable("NEARFIELD_PROFILE").map(PathBuf::from));
        fill(&mut self.backend, "NEARFIELD_BACKEND", |s| s.parse())?;
        fill(&mut self.memory_budget, "NEARFIELD_MEMORY_BUDGET", |s| {
            bytes("NEARFIELD_MEMORY_BUDGET", s)
        })?;
        fill(&mut self.max_segment_bytes, "NEARFIELD_SEGMENT_BYTES", |s| {
            bytes("NEARFIELD_SEGMENT_BYTES", s)
        })?;
        fill(&mut self.poison, "NEARFIELD_POISON", |s| flag("NEARFIELD_POISON", s))?;
        fill(&mut self.checked, "NEARFIELD_CHECKED", |s| flag("NEARFIELD_CHECKED", s))?;
        fill(&mut self.disable, "NEARFIELD_DISABLE", Disable::parse)?;
        if let (true, Some(text)) = (self.force_coop.is_empty(), variable("NEARFIELD_FORCE_COOP")) {
            self.force_coop = text.split(',').map(CoopShape::parse).collect::<Result<_>>()?;
        }
        Ok(self)
    }
}

/// Features to do without although the adapter has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Disable(BTreeSet<String>);

impl Disable {
    const NAMES: [&'static str; 6] = ["subgroup", "f16", "coop", "timestamp", "cache", "baseline"];

    /// Reads a list such as `subgroup,f16`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut names = BTreeSet::new();
        for name in text.split(',').map(str::trim).filter(|n| !n.is_empty()) {
            if !Self::NAMES.contains(&name) {
                let known = Self::NAMES.join(", ");
                return Err(Error::argument("disable", format!("{name:?} is none of {known}")));
            }
            names.insert(name.to_owned());
        }
        Ok(Disable(names))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        let beyond_webgpu = matches!(name, "subgroup" | "f16" | "coop");
        self.0.contains(name) || (beyond_webgpu && self.baseline())
    }

    /// Whether the device is to have no more than what WebGPU guarantees.
    pub(super) fn baseline(&self) -> bool {
        self.0.contains("baseline")
    }
}

/// A variable that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

fn fill<T>(slot: &mut Option<T>, name: &str, parse: impl Fn(&str) -> Result<T>) -> Result<()> {
    if let (None, Some(text)) = (&slot, variable(name)) {
        *slot = Some(parse(&text)?);
    }
    Ok(())
}

fn flag(name: &'static str, text: &str) -> Result<bool> {
    match text {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err(Error::argument(name, format!("{text:?} is neither 1 nor 0"))),
    }
}

/// Reads a number of bytes: `123`, `512K`, `64M`, `8G`.
fn bytes(name: &'static str, text: &str) -> Result<u64> {
    let (digits, shift) = match text.char_indices().last() {
        Some((i, 'k' | 'K')) => (&text[..i], 10),
        Some((i, 'm' | 'M')) => (&text[..i], 20),
        Some((i, 'g' | 'G')) => (&text[..i], 30),
        _ => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
    number.filter(|&n| n > 0).ok_or_else(|| {
        Error::argument(name, format!("{text:?} is no number of bytes such as 123456, 512M or 8G"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_suffixes() {
        assert_eq!(bytes("x", "123").unwrap(), 123);
        assert_eq!(bytes("x", "2k").unwrap(), 2048);
        assert_eq!(bytes("x", "8G").unwrap(), 8 << 30);
        for bad in ["", "0", "-1", "G", "1.5G", "8 G", "99999999999G", "8é"] {
            assert!(bytes("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_baseline_disables_what_webgpu_does_not_promise() {
        let d = Disable::parse("baseline").unwrap();
        assert!(d.has("subgroup") && d.has("f16") && d.has("coop") && !d.has("timestamp"));
        assert!(!Disable::parse(" f16 ,").unwrap().has("coop"));
        assert!(Disable::parse("f64").is_err());
    }

    #[test]
    fn flags_are_one_or_zero() {
        assert!(flag("x", "1").unwrap() && !flag("x", "0").unwrap() && flag("x", "yes").is_err());
    }
}

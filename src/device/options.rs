//! What is asked of a device, by the builder or by the environment.

use super::backend::Backend;
use super::coop::CoopShape;
use crate::error::{Error, Result};
use crate::size::parse_bytes;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The variables that are read, apart from those of the keys of profiles.
pub(super) const VARIABLES: [&str; 11] = [
    "NEARFIELD_ADAPTER",
    "NEARFIELD_BACKEND",
    "NEARFIELD_BINDING_BYTES",
    "NEARFIELD_CACHE_DIR",
    "NEARFIELD_CHECKED",
    "NEARFIELD_DISABLE",
    "NEARFIELD_FORCE_COOP",
    "NEARFIELD_MEMORY_BUDGET",
    "NEARFIELD_POISON",
    "NEARFIELD_PROFILE",
    "NEARFIELD_SEGMENT_BYTES",
];

/// Every choice: the builder's calls, and the environment where there was none.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) adapter: Option<String>,
    pub(super) backend: Option<Backend>,
    pub(super) memory_budget: Option<u64>,
    pub(super) profile: Option<PathBuf>,
    /// Where compiled pipelines are kept, and who said so.
    pub(super) cache_dir: Option<(PathBuf, &'static str)>,
    pub(super) max_segment_bytes: Option<u64>,
    pub(super) max_binding_bytes: Option<u64>,
    pub(super) poison: Option<bool>,
    pub(super) checked: Option<bool>,
    pub(super) disable: Option<Disable>,
    /// Shapes of matrices to use although the driver does not list them.
    pub(super) force_coop: Vec<CoopShape>,
    /// Keys and values that win over every profile.
    pub(super) settings: Vec<(String, String)>,
}

impl Options {
    /// Fills what the builder left open from the environment, or from what stands for it.
    pub(super) fn with_environment(
        mut self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        self.adapter = self.adapter.or_else(|| lookup("NEARFIELD_ADAPTER"));
        self.profile = self.profile.or_else(|| lookup("NEARFIELD_PROFILE").map(PathBuf::from));
        let from = &lookup;
        fill(&mut self.cache_dir, from, "NEARFIELD_CACHE_DIR", |name, text| {
            Ok((text.into(), name))
        })?;
        fill(&mut self.backend, from, "NEARFIELD_BACKEND", |_, text| text.parse())?;
        fill(&mut self.memory_budget, from, "NEARFIELD_MEMORY_BUDGET", bytes)?;
        fill(&mut self.max_segment_bytes, from, "NEARFIELD_SEGMENT_BYTES", bytes)?;
        fill(&mut self.max_binding_bytes, from, "NEARFIELD_BINDING_BYTES", bytes)?;
        fill(&mut self.poison, from, "NEARFIELD_POISON", flag)?;
        fill(&mut self.checked, from, "NEARFIELD_CHECKED", flag)?;
        fill(&mut self.disable, from, "NEARFIELD_DISABLE", |_, text| Disable::parse(text))?;
        if let (true, Some(text)) = (self.force_coop.is_empty(), lookup("NEARFIELD_FORCE_COOP")) {
            let shapes = text.split(',').map(CoopShape::parse).collect::<Result<_>>();
            self.force_coop = shapes.map_err(|e| of_variable("NEARFIELD_FORCE_COOP", e))?;
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

fn fill<T>(
    slot: &mut Option<T>,
    lookup: impl Fn(&str) -> Option<String>,
    name: &'static str,
    parse: impl Fn(&'static str, &str) -> Result<T>,
) -> Result<()> {
    if slot.is_none() {
        let value = lookup(name).map(|text| parse(name, &text)).transpose();
        *slot = value.map_err(|e| of_variable(name, e))?;
    }
    Ok(())
}

/// An argument's error in the name of the variable that gave it.
fn of_variable(name: &'static str, error: Error) -> Error {
    match error {
        Error::InvalidArgument { reason, .. } => Error::argument(name, reason),
        other => other,
    }
}

fn flag(name: &'static str, text: &str) -> Result<bool> {
    match text {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err(Error::argument(name, format!("{text:?} is neither 1 nor 0"))),
    }
}

/// A number of bytes; the error names the variable.
fn bytes(name: &'static str, text: &str) -> Result<u64> {
    parse_bytes(text).map_err(|error| match error {
        Error::InvalidArgument { reason, .. } => Error::argument(name, reason),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_suffixes() {
        assert_eq!(
            (bytes("x", "8G").unwrap(), bytes("x", "8GB").unwrap()),
            (8 << 30, 8_000_000_000)
        );
        let refused = bytes("NEARFIELD_MEMORY_BUDGET", "99999999999G").unwrap_err();
        assert!(matches!(
            refused,
            Error::InvalidArgument { argument: "NEARFIELD_MEMORY_BUDGET", .. }
        ));
    }

    fn environment(name: &str) -> Option<String> {
        let text = match name {
            "NEARFIELD_ADAPTER" => "llvm",
            "NEARFIELD_BACKEND" => "Vulkan",
            "NEARFIELD_MEMORY_BUDGET" => "1G",
            "NEARFIELD_SEGMENT_BYTES" => "4096",
            "NEARFIELD_BINDING_BYTES" => "1M",
            "NEARFIELD_PROFILE" => "mine.toml",
            "NEARFIELD_CACHE_DIR" => "kept",
            "NEARFIELD_CHECKED" => "1",
            "NEARFIELD_POISON" => "0",
            "NEARFIELD_DISABLE" => "f16",
            "NEARFIELD_FORCE_COOP" => "8x8x8:f32:f32,16x16x16:f16:f32",
            _ => return None,
        };
        Some(text.to_owned())
    }

    #[test]
    fn the_environment_fills_what_is_open() {
        let asked = std::cell::RefCell::new(Vec::new());
        let note = |name: &str| {
            asked.borrow_mut().push(name.to_owned());
            None
        };
        Options::default().with_environment(note).unwrap();
        assert!(asked.borrow().iter().all(|name| VARIABLES.contains(&name.as_str())));
        assert_eq!(asked.borrow().len(), VARIABLES.len());
        let options = Options::default().with_environment(environment).unwrap();
        assert_eq!(options.adapter.as_deref(), Some("llvm"));
        assert_eq!(options.backend, Some(Backend::Vulkan));
        assert_eq!(options.memory_budget, Some(1 << 30));
        assert_eq!(options.max_segment_bytes, Some(4096));
        assert_eq!(options.max_binding_bytes, Some(1 << 20));
        assert_eq!(options.profile, Some("mine.toml".into()));
        assert_eq!(options.cache_dir, Some(("kept".into(), "NEARFIELD_CACHE_DIR")));
        assert_eq!((options.checked, options.poison), (Some(true), Some(false)));
        assert!(options.disable.is_some_and(|d| d.has("f16") && !d.has("coop")));
        assert_eq!(options.force_coop.len(), 2);
    }

    #[test]
    fn the_builder_wins_over_the_environment() {
        let mut options = Options { memory_budget: Some(7), ..Options::default() };
        options.adapter = Some("mine".into());
        let options = options.with_environment(environment).unwrap();
        assert_eq!((options.memory_budget, options.adapter.as_deref()), (Some(7), Some("mine")));
    }

    #[test]
    fn a_malformed_variable_is_named() {
        for name in
            ["MEMORY_BUDGET", "SEGMENT_BYTES", "BINDING_BYTES", "POISON", "CHECKED", "FORCE_COOP"]
        {
            let name = format!("NEARFIELD_{name}");
            let lookup = |n: &str| (n == name).then(|| "?".to_owned());
            let error = Options::default().with_environment(lookup).unwrap_err();
            assert!(error.to_string().contains(&name), "{error}");
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

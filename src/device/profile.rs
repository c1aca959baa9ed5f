//! Tuning numbers: environment, then the user's file, then the built-in file of the GPU family, then the baseline.

use super::bounds;
use super::caps::Caps;
use super::options::variable;
use super::profiles::{BASELINE, BUILT_IN};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;
use toml::{Table, Value};

/// The tuning that a [`Gpu`](crate::Gpu) runs with, from [`Gpu::profile`](crate::Gpu::profile).
///
/// Every key has a value in the baseline; a profile of the GPU's family changes some, a user's file and the
/// environment (`NEARFIELD_<SECTION>_<KEY>`) others.
///
/// `Serialize` writes `name`, `measured` and `settings`, which has every section with the values of its keys: numbers and
/// booleans, as they stand in a file.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    name: String,
    measured: bool,
    #[serde(rename = "settings")]
    values: BTreeMap<String, BTreeMap<String, Value>>,
    /// (section, key) of what the user's file, the environment or a setting gave.
    #[serde(skip)]
    given: BTreeSet<(String, String)>,
}

/// (section, former name, name) of every key that had another name. Former names are refused rather than ignored, so that no
/// device runs with other numbers than its owner wrote down.
const RENAMED: &[(&str, &str, &str)] = &[
    ("scan", "few", "max_row_queries"),
    ("scan", "bytes", "int8_copy"),
    ("matrix", "few", "max_row_queries"),
    ("matrix", "fine", "max_k_bin64"),
    ("matrix", "copy", "f16_copy"),
    ("select", "wide", "threads_few_queries"),
];

type Values = BTreeMap<String, BTreeMap<String, Value>>;

/// One file, taken apart.
struct File {
    name: String,
    measured: bool,
    matching: Table,
    values: Values,
}

impl Profile {
    pub(super) fn load(
        caps: &Caps,
        user: Option<&Path>,
        tuning: &[(String, String, String)],
    ) -> Result<Profile> {
        let mut profile = Profile::family(caps)?;
        if let Some(path) = user {
            let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
            let file = File::parse(&path.display().to_string(), &text)?;
            for (section, keys) in &file.values {
                profile.given.extend(keys.keys().map(|key| (section.clone(), key.clone())));
            }
            profile.overlay(file)?;
        }
        profile.overlay_environment(variable)?;
        for (section, key, text) in tuning {
            profile.set(&format!("setting {section}.{key}"), section, key, text)?;
        }
        Ok(profile)
    }

    /// The baseline, and beside it every built-in file laid over it.
    pub(crate) fn built_in() -> Result<Vec<Profile>> {
        let baseline = Profile::baseline()?;
        let mut all = vec![baseline.clone()];
        for (name, text) in BUILT_IN {
            let mut profile = baseline.clone();
            profile.overlay(File::parse(name, text)?)?;
            all.push(profile);
        }
        Ok(all)
    }

    /// Every key with its default: what an adapter gets that no built-in file fits.
    ///
    /// # Errors
    /// `Profile` when the built-in file is malformed, which the crate's own tests exclude.
    pub fn baseline() -> Result<Profile> {
        let File { name, measured, values, .. } = File::parse("baseline", BASELINE)?;
        Ok(Profile { name, measured, values, given: BTreeSet::new() })
    }

    /// What an adapter gets without a file of the user's and without the environment: the baseline, and the built-in file
    /// of its family over it.
    ///
    /// # Errors
    /// As [`Profile::baseline`].
    pub fn family(caps: &Caps) -> Result<Profile> {
        let mut profile = Profile::baseline()?;
        let mut best: Option<(usize, File)> = None;
        for (name, text) in BUILT_IN {
            let file = File::parse(name, text)?;
            if let Some(score) = file.matches(caps)
                && best.as_ref().is_none_or(|(s, _)| score > *s)
            {
                best = Some((score, file));
            }
        }
        if let Some((_, file)) = best {
            profile.overlay(file)?;
        }
        Ok(profile)
    }

    /// The same with another value of one key, in the words of [`GpuBuilder::setting`](crate::GpuBuilder::setting).
    ///
    /// # Errors
    /// `Profile` when there is no such key, or it may not have the value (device-profiles/README.md).
    pub fn with(&self, section: &str, key: &str, value: impl Display) -> Result<Profile> {
        let mut profile = self.clone();
        let from = format!("setting {section}.{key}");
        profile.set(&from, section, key, &value.to_string())?;
        Ok(profile)
    }

    /// The file that won over the baseline, or `baseline`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its numbers were measured on such a GPU, rather than reasoned from public figures.
    pub fn is_measured(&self) -> bool {
        self.measured
    }

    /// Every section with its keys and values, as text.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str, String)> {
        self.values.iter().flat_map(|(section, keys)| {
            keys.iter().map(|(key, v)| (section.as_str(), key.as_str(), v.to_string()))
        })
    }

    /// The environment variables of all keys, and of those that have another name now.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        let renamed = RENAMED.iter().map(|(section, old, _)| variable_of(section, old));
        self.entries().map(|(section, key, _)| variable_of(section, key)).chain(renamed)
    }

    /// A whole number.
    pub(crate) fn u32(&self, section: &str, key: &str) -> Result<u32> {
        let value = self.value(section, key)?;
        let number = value.as_integer().and_then(|n| u32::try_from(n).ok());
        number.ok_or_else(|| self.bad(section, key, value, "a whole number"))
    }

    /// A number.
    pub(crate) fn f64(&self, section: &str, key: &str) -> Result<f64> {
        let value = self.value(section, key)?;
        let number = value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
        number.ok_or_else(|| self.bad(section, key, value, "a number"))
    }

    /// A word.
    pub(crate) fn str(&self, section: &str, key: &str) -> Result<&str> {
        let value = self.value(section, key)?;
        value.as_str().ok_or_else(|| self.bad(section, key, value, "a string"))
    }

    /// Whether a value is the user's own rather than a built-in file's.
    pub(crate) fn is_given(&self, section: &str, key: &str) -> bool {
        self.given.contains(&(section.to_owned(), key.to_owned()))
    }

    /// The value as it stands in the file, for templates.
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<&Value> {
        self.values.get(section)?.get(key)
    }

    fn value(&self, section: &str, key: &str) -> Result<&Value> {
        self.get(section, key).ok_or_else(|| {
            error("baseline", format!("{section}.{key} is missing: every key has a value there"))
        })
    }

    fn bad(&self, section: &str, key: &str, value: &Value, wanted: &str) -> Error {
        error(&self.name, format!("{section}.{key} = {value} is not {wanted}"))
    }

    /// Takes the values of a file, and its name.
    fn overlay(&mut self, file: File) -> Result<()> {
        for (section, keys) in file.values {
            for (key, value) in keys {
                let slot = self.slot(&file.name, &section, &key)?;
                let not = |value: &Value, wanted: &str| {
                    error(&file.name, format!("{section}.{key} = {value} is not {wanted}"))
                };
                let value = fit(slot, value).map_err(|(value, kind)| not(&value, kind))?;
                if let Some(wanted) = bounds::wanted(&section, &key, &value) {
                    return Err(not(&value, &wanted));
                }
                *slot = value;
            }
        }
        (self.name, self.measured) = (file.name, file.measured);
        Ok(())
    }

    /// Takes the values of the environment variables of all keys.
    fn overlay_environment(&mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<()> {
        for (section, old, new) in RENAMED {
            let old = variable_of(section, old);
            if lookup(&old).is_some() {
                let reason = format!("{old} is now {}", variable_of(section, new));
                return Err(error(&old, reason));
            }
        }
        let keys = self.values.iter();
        let keys = keys.flat_map(|(s, keys)| keys.keys().map(|k| (s.clone(), k.clone())));
        for (section, key) in keys.collect::<Vec<_>>() {
            let name = variable_of(&section, &key);
            if let Some(text) = lookup(&name) {
                self.set(&name, &section, &key, &text)?;
            }
        }
        Ok(())
    }

    /// Sets a key from text, in the type that it has.
    fn set(&mut self, from: &str, section: &str, key: &str, text: &str) -> Result<()> {
        let slot = self.slot(from, section, key)?;
        let parsed = match slot {
            Value::Integer(_) => text.parse().ok().map(Value::Integer),
            Value::Float(_) => text.parse().ok().map(Value::Float),
            Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
            Value::String(_) => Some(Value::String(text.to_owned())),
            _ => None,
        };
        let value = parsed.ok_or_else(|| error(from, format!("{text:?} is not {}", kind(slot))))?;
        if let Some(wanted) = bounds::wanted(section, key, &value) {
            return Err(error(from, format!("{value} is not {wanted}")));
        }
        *slot = value;
        self.given.insert((section.to_owned(), key.to_owned()));
        Ok(())
    }

    /// The place of a key's value, or why there is none.
    fn slot(&mut self, from: &str, section: &str, key: &str) -> Result<&mut Value> {
        let slot = self.values.get_mut(section).and_then(|keys| keys.get_mut(key));
        slot.ok_or_else(|| {
            let mut renamed = RENAMED.iter().filter(|(s, old, _)| (*s, *old) == (section, key));
            let reason = match renamed.next() {
                Some((_, _, new)) => {
                    format!("kernel.{section}.{key} is now kernel.{section}.{new}")
                }
                None => format!("there is no key {section}.{key}"),
            };
            error(from, reason)
        })
    }
}

/// The environment variable that sets a key.
fn variable_of(section: &str, key: &str) -> String {
    format!("NEARFIELD_{section}_{key}").to_uppercase()
}

/// `value` if it may stand where `slot` stands.
fn fit(slot: &Value, value: Value) -> Result<Value, (Value, &'static str)> {
    match (slot, value) {
        (Value::Float(_), Value::Integer(n)) => Ok(Value::Float(n as f64)),
        (slot, value) if slot.same_type(&value) => Ok(value),
        (slot, value) => Err((value, kind(slot))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        _ => "a string",
    }
}

fn error(name: &str, reason: String) -> Error {
    Error::Profile { name: name.to_owned(), reason }
}

impl File {
    fn parse(name: &str, text: &str) -> Result<File> {
        let table: Table = text.parse().map_err(|e| error(name, format!("{e}")))?;
        let mut file = File {
            name: name.to_owned(),
            measured: false,
            matching: Table::new(),
            values: Values::new(),
        };
        for (key, value) in table {
            match (key.as_str(), value) {
                ("measured", Value::Boolean(yes)) => file.measured = yes,
                // Where the numbers come from, for people.
                ("source" | "description", Value::String(_)) => {}
                ("match", Value::Table(t)) => file.matching = t,
                ("kernel", Value::Table(kernels)) => {
                    for (section, keys) in kernels {
                        file.section(section, keys)?;
                    }
                }
                (_, keys @ Value::Table(_)) => file.section(key, keys)?,
                (_, other) => {
                    return Err(error(name, format!("{key} = {other} is not expected here")));
                }
            }
        }
        Ok(file)
    }

    fn section(&mut self, section: String, keys: Value) -> Result<()> {
        let Value::Table(keys) = keys else {
            return Err(error(&self.name, format!("{section} is not a table")));
        };
        let scalar =
            |v: &Value| !matches!(v, Value::Table(_) | Value::Array(_) | Value::Datetime(_));
        if let Some((key, value)) = keys.iter().find(|(_, v)| !scalar(v)) {
            return Err(error(&self.name, format!("{section}.{key} = {value} is no single value")));
        }
        self.values.entry(section).or_default().extend(keys);
        Ok(())
    }

    /// How well the file fits: the length of the longest matching name, so that the most specific wins.
    fn matches(&self, caps: &Caps) -> Option<usize> {
        if let Some(backend) = self.matching.get("backend").and_then(Value::as_str)
            && backend != caps.backend.to_string()
        {
            return None;
        }
        if let Some(vendor) = self.matching.get("vendor").and_then(Value::as_integer)
            && vendor != i64::from(caps.vendor_id)
        {
            return None;
        }
        let adapter = format!("{} {}", caps.name, caps.driver).to_lowercase();
        let names = self.matching.get("names").and_then(Value::as_array)?;
        let names = names.iter().filter_map(Value::as_str);
        names.filter(|n| adapter.contains(&n.to_lowercase())).map(str::len).max()
    }
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;

//! Tuning numbers: environment, then the user's file, then the built-in file of the GPU family, then the baseline.

use super::bounds;
use super::caps::Caps;
use super::options::variable;
use super::profile_file::{File, Values, dotted, error, named, parts};
use super::profiles::{BASELINE, BUILT_IN};
use crate::error::{Error, Result};
use crate::names::suggestion;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use toml::Value;

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
    values: Values,
    /// Who gave what the built-in files do not: by (section, key) a file, a variable of the environment or a setting.
    #[serde(skip)]
    given: BTreeMap<(String, String), String>,
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

impl Profile {
    pub(super) fn load(
        caps: &Caps,
        user: Option<&Path>,
        settings: &[(String, String)],
    ) -> Result<Profile> {
        let mut profile = Profile::family(caps)?;
        if let Some(path) = user {
            let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
            let file = File::parse(&path.display().to_string(), &text)?;
            for (section, keys) in &file.values {
                let names = keys.keys().map(|key| (section.clone(), key.clone()));
                profile.given.extend(names.map(|name| (name, named(&file.name))));
            }
            profile.overlay(file)?;
        }
        profile.overlay_environment(variable)?;
        for (key, text) in settings {
            profile.set_dotted(key, text)?;
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
        Ok(Profile { name, measured, values, given: BTreeMap::new() })
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
    /// `Profile` when there is no such key, with the nearest, or it may not have the value (device-profiles/README.md).
    ///
    /// # Example
    /// ```
    /// use nearfield::Profile;
    /// let profile = Profile::baseline()?.with("kernel.scan.bm", 128)?;
    /// assert_eq!(profile.get("kernel.scan.bm").as_deref(), Some("128"));
    /// let error = profile.with("kernel.scan.mb", 128).unwrap_err().to_string();
    /// assert!(error.ends_with("did you mean kernel.scan.bm?"), "{error}");
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn with(&self, key: &str, value: impl Display) -> Result<Profile> {
        let mut profile = self.clone();
        profile.set_dotted(key, &value.to_string())?;
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

    /// Every key, such as `kernel.scan.bm`, with its value as a file has it.
    pub fn entries(&self) -> impl Iterator<Item = (String, String)> {
        self.keys().filter_map(|(section, key)| {
            self.value_of(section, key).map(|value| (dotted(section, key), value.to_string()))
        })
    }

    /// The value of one key as a file has it, if there is such a key.
    pub fn get(&self, key: &str) -> Option<String> {
        let (section, key) = parts(key)?;
        self.value_of(section, key).map(ToString::to_string)
    }

    /// (section, key) of every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let keys = self.values.iter();
        keys.flat_map(|(section, keys)| keys.keys().map(|key| (section.as_str(), key.as_str())))
    }

    /// The environment variables of all keys, and of those that have another name now.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        let renamed = RENAMED.iter().map(|(section, old, _)| variable_of(section, old));
        self.keys().map(|(section, key)| variable_of(section, key)).chain(renamed)
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
        self.given.contains_key(&(section.to_owned(), key.to_owned()))
    }

    /// An error about keys of one section, in the name of those who gave them.
    pub(crate) fn fault(&self, section: &str, keys: &[&str], reason: String) -> Error {
        let given = keys.iter().map(|key| self.given.get(&(section.to_owned(), (*key).to_owned())));
        let mut givers: Vec<&str> = given.flatten().map(String::as_str).collect();
        givers.dedup();
        let own = named(&self.name);
        let origin = if givers.is_empty() { own } else { givers.join(", ") };
        Error::Profile { origin, reason }
    }

    /// The value as it stands in the file, for templates.
    pub(crate) fn value_of(&self, section: &str, key: &str) -> Option<&Value> {
        self.values.get(section)?.get(key)
    }

    fn value(&self, section: &str, key: &str) -> Result<&Value> {
        self.value_of(section, key).ok_or_else(|| {
            let reason =
                format!("{} is missing: every key has a value there", dotted(section, key));
            error(named("baseline"), reason)
        })
    }

    fn bad(&self, section: &str, key: &str, value: &Value, wanted: &str) -> Error {
        let reason = format!("{} = {value} is not {wanted}", dotted(section, key));
        self.fault(section, &[key], reason)
    }

    /// Takes the values of a file, and its name.
    fn overlay(&mut self, file: File) -> Result<()> {
        for (section, keys) in file.values {
            for (key, value) in keys {
                let slot = self.slot(&named(&file.name), &section, &key)?;
                let not = |value: &Value, wanted: &str| {
                    let reason = format!("{} = {value} is not {wanted}", dotted(&section, &key));
                    error(named(&file.name), reason)
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
                return Err(error("the environment".to_owned(), reason));
            }
        }
        let keys = self.keys().map(|(section, key)| (section.to_owned(), key.to_owned()));
        for (section, key) in keys.collect::<Vec<_>>() {
            let name = variable_of(&section, &key);
            if let Some(text) = lookup(&name) {
                self.set(&name, &section, &key, &text)?;
            }
        }
        Ok(())
    }

    /// Sets a key such as `kernel.scan.bm`.
    fn set_dotted(&mut self, name: &str, text: &str) -> Result<()> {
        let from = format!("setting {name}");
        match parts(name) {
            Some((section, key)) => self.set(&from, section, key, text),
            None => Err(error(from, self.unknown(name))),
        }
    }

    /// Sets a key from text, in the type that it has.
    fn set(&mut self, from: &str, section: &str, key: &str, text: &str) -> Result<()> {
        let slot = self.slot(from, section, key)?;
        let parsed = match slot {
            Value::Integer(_) => text.parse().ok().map(Value::Integer),
            Value::Float(_) => text.parse().ok().map(Value::Float),
            Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
            // with the quotes that a file has, or without
            Value::String(_) => Some(Value::String(text.trim_matches('"').to_owned())),
            _ => None,
        };
        let value = parsed
            .ok_or_else(|| error(from.to_owned(), format!("{text:?} is not {}", kind(slot))))?;
        if let Some(wanted) = bounds::wanted(section, key, &value) {
            return Err(error(from.to_owned(), format!("{value} is not {wanted}")));
        }
        *slot = value;
        self.given.insert((section.to_owned(), key.to_owned()), from.to_owned());
        Ok(())
    }

    /// The place of a key's value, or why there is none.
    fn slot(&mut self, from: &str, section: &str, key: &str) -> Result<&mut Value> {
        let missing = match self.value_of(section, key) {
            Some(_) => String::new(),
            None => self.missing(section, key),
        };
        let slot = self.values.get_mut(section).and_then(|keys| keys.get_mut(key));
        slot.ok_or_else(|| error(from.to_owned(), missing))
    }

    /// Why there is no such key.
    fn missing(&self, section: &str, key: &str) -> String {
        let mut renamed = RENAMED.iter().filter(|(s, old, _)| (*s, *old) == (section, key));
        match renamed.next() {
            Some((_, _, new)) => {
                format!("{} is now {}", dotted(section, key), dotted(section, new))
            }
            None => self.unknown(&dotted(section, key)),
        }
    }

    /// That no key has this name, and which one may have been meant.
    fn unknown(&self, name: &str) -> String {
        let known: Vec<String> = self.keys().map(|(section, key)| dotted(section, key)).collect();
        let near = match known.iter().find(|key| key.ends_with(&format!(".{name}"))) {
            Some(key) => format!("; did you mean {key}?"),
            None => suggestion(name, known.iter().map(String::as_str)),
        };
        format!("there is no key {name}{near}")
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

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;

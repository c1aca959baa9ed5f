//! A file of a device profile, taken apart, and what its keys are called.

use super::caps::Caps;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use toml::{Table, Value};

pub(super) type Values = BTreeMap<String, BTreeMap<String, Value>>;

/// One file, taken apart.
pub(super) struct File {
    pub(super) name: String,
    pub(super) measured: bool,
    pub(super) matching: Table,
    pub(super) values: Values,
}

impl File {
    pub(super) fn parse(name: &str, text: &str) -> Result<File> {
        let table: Table = text.parse().map_err(|e| error(named(name), format!("{e}")))?;
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
                    return Err(error(
                        named(name),
                        format!("{key} = {other} is not expected here"),
                    ));
                }
            }
        }
        Ok(file)
    }

    fn section(&mut self, section: String, keys: Value) -> Result<()> {
        let Value::Table(keys) = keys else {
            return Err(error(named(&self.name), format!("{section} is not a table")));
        };
        let scalar =
            |v: &Value| !matches!(v, Value::Table(_) | Value::Array(_) | Value::Datetime(_));
        if let Some((key, value)) = keys.iter().find(|(_, v)| !scalar(v)) {
            let reason = format!("{} = {value} is no single value", dotted(&section, key));
            return Err(error(named(&self.name), reason));
        }
        self.values.entry(section).or_default().extend(keys);
        Ok(())
    }

    /// How well the file fits: the length of the longest matching name, so that the most specific wins.
    pub(super) fn matches(&self, caps: &Caps) -> Option<usize> {
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

/// The key's full name, as a file would have it: `kernel.scan.bm`, but `submit.max_ms`, which is no kernel's.
pub(super) fn dotted(section: &str, key: &str) -> String {
    let kernel = if section == "submit" { "" } else { "kernel." };
    format!("{kernel}{section}.{key}")
}

/// Section and key of a full name.
pub(super) fn parts(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("kernel.").unwrap_or(name).split_once('.')
}

/// A profile in an error.
pub(super) fn named(name: &str) -> String {
    format!("device profile {name}")
}

pub(super) fn error(origin: String, reason: String) -> Error {
    Error::Profile { origin, reason }
}

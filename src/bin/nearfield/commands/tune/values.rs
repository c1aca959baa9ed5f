//! The keys of a profile with their values, and changes to some of them.

use crate::shell::failure::{Failure, Result};
use crate::shell::settings;
use nearfield::{GpuBuilder, Profile};
use std::collections::BTreeMap;
use toml::Value;

/// The values of all keys, by section and key.
#[derive(Clone, Debug, PartialEq)]
pub struct Values(BTreeMap<(String, String), Value>);

/// One key with another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub section: &'static str,
    pub key: &'static str,
    pub value: Value,
}

/// A change to a whole number.
pub fn number(section: &'static str, key: &'static str, value: u32) -> Change {
    Change { section, key, value: Value::Integer(value.into()) }
}

/// A change to a word.
pub fn word(section: &'static str, key: &'static str, value: &str) -> Change {
    Change { section, key, value: Value::String(value.to_owned()) }
}

impl Change {
    /// The value in the words of `GpuBuilder::setting`.
    pub fn text(&self) -> String {
        settings::text(&self.value)
    }

    pub fn number(&self) -> Option<u32> {
        self.value.as_integer().and_then(|n| u32::try_from(n).ok())
    }
}

/// Keys and values in one line.
pub fn label(changes: &[Change]) -> String {
    let words: Vec<_> = changes.iter().map(|c| format!("{} {}", c.key, c.text())).collect();
    words.join(" ")
}

impl Values {
    pub fn of(profile: &Profile) -> Result<Values> {
        let entries = profile.entries().map(|(name, text)| {
            let bad = || Failure::Work(format!("{name} = {text} of the profile is no value"));
            let (section, key) =
                name.trim_start_matches("kernel.").split_once('.').ok_or_else(bad)?;
            let value = text.parse().map_err(|_| bad())?;
            Ok(((section.to_owned(), key.to_owned()), value))
        });
        entries.collect::<Result<_>>().map(Values)
    }

    pub fn with(&self, changes: &[Change]) -> Values {
        let mut changed = self.clone();
        for Change { section, key, value } in changes {
            changed.0.insert(((*section).to_owned(), (*key).to_owned()), value.clone());
        }
        changed
    }

    pub fn get(&self, section: &str, key: &str) -> Option<&Value> {
        self.0.get(&(section.to_owned(), key.to_owned()))
    }

    /// A whole number; 0 where there is none.
    pub fn number(&self, section: &str, key: &str) -> u32 {
        let value = self.get(section, key).and_then(Value::as_integer);
        value.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// The present values of what `changes` would change.
    pub fn present(&self, changes: &[Change]) -> Vec<Change> {
        let present = |c: &Change| {
            let value = self.get(c.section, c.key).unwrap_or(&c.value).clone();
            Change { value, ..c.clone() }
        };
        changes.iter().map(present).collect()
    }

    /// All of them set, so that neither a file nor the environment has a say.
    pub fn apply(&self, builder: GpuBuilder) -> GpuBuilder {
        self.0.iter().fold(builder, |b, ((section, key), v)| {
            b.setting(format!("{section}.{key}"), settings::text(v))
        })
    }

    /// Keys whose value another profile does not have.
    pub fn differing<'a>(
        &'a self,
        other: &'a Values,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let differs = |(key, value): &(&'a (String, String), &'a Value)| {
            other.0.get(*key).is_none_or(|o| o != *value)
        };
        let all = self.0.iter().filter(differs);
        all.map(|((section, key), value)| (section.as_str(), key.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_changed_and_compared() {
        let baseline = Values::of(&Profile::baseline().unwrap()).unwrap();
        assert_eq!(baseline.number("scan", "bm"), 64);
        assert_eq!(baseline.get("matrix", "bias").and_then(Value::as_str), Some("epilogue"));
        let changes = [number("scan", "bm", 128), word("matrix", "bias", "accumulator")];
        let changed = baseline.with(&changes);
        let keys: Vec<_> = changed.differing(&baseline).map(|(s, k, _)| (s, k)).collect();
        assert_eq!(keys, [("matrix", "bias"), ("scan", "bm")]);
        assert_eq!(label(&changed.present(&changes)), "bm 128 bias accumulator");
        assert_eq!(changed.differing(&changed).count(), 0);
    }
}

//! The profile that comes of it: written beside its name, tried, then given the name.

use super::values::Values;
use crate::shell::failure::{Failure, Result};
use crate::shell::stop;
use nearfield::Profile;
use nearfield::format::AtomicFile;
use serde::Serialize;
use std::path::Path;
use toml::Table;

/// The file while it has no name yet; dropped, it leaves nothing behind.
pub struct Output {
    file: AtomicFile,
    overwrite: bool,
}

impl Output {
    /// Finds out before any work whether the file can be written.
    pub fn create(target: &Path, overwrite: bool) -> Result<Output> {
        if !overwrite && target.exists() {
            let why = format!("{} is there already: --force writes over it", target.display());
            return Err(Failure::Usage(why));
        }
        Ok(Output { file: AtomicFile::create(target)?, overwrite })
    }

    /// Writes the text under a temporary name, which it returns.
    pub fn write(&mut self, text: &str) -> Result<&Path> {
        self.file.write(text.as_bytes())?;
        Ok(self.file.unfinished()?)
    }

    pub fn finish(self) -> Result<()> {
        // Somebody else may have written it meanwhile.
        let Output { file, overwrite } = self;
        Ok(stop::naming(|| if overwrite { file.finish() } else { file.finish_new() })?)
    }
}

#[derive(Serialize)]
struct Text<'a> {
    measured: bool,
    description: &'a str,
    #[serde(rename = "match")]
    matching: Matching<'a>,
    #[serde(skip_serializing_if = "Table::is_empty")]
    kernel: Table,
    #[serde(skip_serializing_if = "Table::is_empty")]
    submit: Table,
}

#[derive(Serialize)]
struct Matching<'a> {
    names: [&'a str; 1],
}

/// The text of a profile in which the adapter of this name has `values`.
///
/// It has the keys that differ from the baseline, and those that differ from the adapter's family, over whose file it lies.
pub fn text(name: &str, values: &Values, family: &Profile, description: &str) -> Result<String> {
    let (baseline, family) = (Values::of(&Profile::baseline()?)?, Values::of(family)?);
    let (mut kernel, mut submit) = (Table::new(), Table::new());
    for (section, key, value) in values.differing(&baseline).chain(values.differing(&family)) {
        let table = match section {
            "submit" => &mut submit,
            _ => {
                let table = kernel.entry(section).or_insert_with(|| Table::new().into());
                let Some(table) = table.as_table_mut() else { continue };
                table
            }
        };
        table.insert(key.to_owned(), value.clone());
    }
    let matching = Matching { names: [name] };
    let text = Text { measured: true, description, matching, kernel, submit };
    let text = toml::to_string_pretty(&text)
        .map_err(|e| Failure::Work(format!("the profile cannot be written: {e}")))?;
    Ok(format!(
        "# Written by `nearfield tune`: the description says what was measured, and how.\n{text}"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::values::number;
    use super::*;

    #[test]
    fn a_profile_has_what_differs_from_the_baseline_and_from_its_family() {
        let baseline = Profile::baseline().unwrap();
        let family =
            baseline.with("kernel.scan.bm", 128).unwrap().with("kernel.scan.bk", 32).unwrap();
        let of_family = Values::of(&family).unwrap();
        let values = of_family.with(&[number("scan", "bm", 64), number("submit", "gflops", 7)]);
        let text = text("Abacus \"3\"", &values, &family, "Beads.\nWood.\n").unwrap();
        let table: Table = text.parse().unwrap();
        assert!(text.starts_with("# "), "{text}");
        assert_eq!(table["measured"].as_bool(), Some(true));
        assert_eq!(table["match"]["names"][0].as_str(), Some("Abacus \"3\""));
        let scan = table["kernel"]["scan"].as_table().unwrap();
        assert_eq!(scan.keys().collect::<Vec<_>>(), ["bk", "bm"]);
        assert_eq!(table["submit"].as_table().unwrap().len(), 1);
        assert_eq!(table["kernel"].as_table().unwrap().len(), 1);
    }

    #[test]
    fn a_file_is_not_written_over_unless_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let mut output = Output::create(&path, false).unwrap();
        let tried = output.write("a = 1").unwrap();
        assert_eq!(std::fs::read_to_string(tried).unwrap(), "a = 1");
        assert!(!path.exists());
        output.finish().unwrap();
        assert!(matches!(Output::create(&path, false), Err(Failure::Usage(_))));
        let mut output = Output::create(&path, true).unwrap();
        output.write("a = 2").unwrap();
        output.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a = 2");
        assert!(Output::create(folder.path(), true).is_err());
        // Somebody else's file that came meanwhile stays, too.
        let new = folder.path().join("new.toml");
        let mut output = Output::create(&new, false).unwrap();
        output.write("a = 3").unwrap();
        std::fs::write(&new, "b = 4").unwrap();
        assert!(output.finish().is_err());
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "b = 4");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}

//! What `tune` says at its end, and the description that it gives the profile.

use super::table::Section;
use super::values::Values;
use crate::args::{Global, TuneArgs};
use crate::shell::failure::Result;
use crate::shell::{clock, number, print};
use nearfield::{Caps, Gpu};
use serde_json::{Map, Value, json};
use std::time::Instant;

/// The description: the adapter, what was timed, and the best candidate of each choice.
pub fn describe(
    caps: &Caps,
    profile: &str,
    (rows, dims): (usize, &[usize]),
    sections: &[Section],
) -> String {
    let (adapter, backend, driver) = (&caps.name, caps.backend, &caps.driver);
    let (version, date) = (env!("CARGO_PKG_VERSION"), clock::today());
    let dims: Vec<_> = dims.iter().map(ToString::to_string).collect();
    let dims = dims.join(" and ");
    let clock = if caps.timestamps { "the device's clock" } else { "wall clock" };
    let mut text = format!(
        "{adapter} ({backend}, {driver}), {date}, nearfield {version}: {rows} rows of {dims}, f32, L2, by {clock}.\n\
         \"x\" is how many times as fast as the profile {profile}, which all other keys are from.\n"
    );
    for summary in sections.iter().filter_map(Section::summary) {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

/// Everything that there is to say.
pub struct Report<'a> {
    pub args: &'a TuneArgs,
    pub gpu: &'a Gpu,
    pub rows: usize,
    pub dims: &'a [usize],
    pub sections: Vec<Section>,
    /// The profile in force.
    pub present: Values,
    /// What was chosen.
    pub values: Values,
    pub begin: Instant,
}

impl Report<'_> {
    pub fn print(&self, global: &Global) -> Result<()> {
        if self.args.json {
            return print::to_stdout(format_args!("{}", self.as_json()));
        }
        if global.quiet {
            return Ok(());
        }
        for section in &self.sections {
            print::to_stdout(format_args!("{section}"))?;
        }
        let changed: Vec<_> = self.values.differing(&self.present).collect();
        let profile = self.gpu.profile().name();
        if changed.is_empty() {
            print::to_stdout(format_args!("nothing is faster than the profile {profile}"))?;
        }
        for (section, key, value) in changed {
            let before = self.present.get(section, key);
            let before = before.map_or_else(String::new, |v| format!(", was {v}"));
            print::to_stdout(format_args!("{section}.{key} = {value}{before}"))?;
        }
        let (file, seconds) = (self.args.out.display(), self.begin.elapsed().as_secs_f64());
        print::to_stdout(format_args!(
            "{file} written and tried, {seconds:.0} s. To use it: NEARFIELD_PROFILE={file}, or \
             Gpu::builder().profile(\"{file}\").\nTo share it: device-profiles/README.md says how a \
             profile is added."
        ))
    }

    fn as_json(&self) -> Value {
        let (caps, profile) = (self.gpu.caps(), self.gpu.profile());
        let mut changed = Map::new();
        for (section, key, value) in self.values.differing(&self.present) {
            let before = self.present.get(section, key).map(ToString::to_string);
            let change = json!({ "value": value.to_string(), "before": before });
            changed.insert(format!("{section}.{key}"), change);
        }
        json!({
            "command": "tune",
            "adapter": caps.name,
            "driver": caps.driver,
            "profile": profile.name(),
            "rows": self.rows,
            "dims": self.dims,
            "sections": self.sections.iter().map(Section::as_json).collect::<Vec<_>>(),
            "changed": changed,
            "output": self.args.out.to_string_lossy(),
            "seconds": number::json(self.begin.elapsed().as_secs_f64()),
        })
    }
}

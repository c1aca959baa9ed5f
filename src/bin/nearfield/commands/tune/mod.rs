//! `nearfield tune`: measures the shapes that device profiles choose, on the machine at hand, and writes a profile.
//!
//! Every candidate is a device of its own, opened with its settings, that first has to answer a small search as f64 does
//! and to the bit as the others do; then it is timed on the same rows as they.

mod choose;
mod data;
mod file;
mod matrices;
mod shapes;
mod steps;
mod sweep;
mod table;
mod trial;
mod values;

use crate::args::{Global, TuneArgs, Tuned};
use crate::shell::clock;
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{inputs, report};
use data::Set;
use nearfield::{Caps, Gpu, Profile};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use steps::{BATCH, Tuner};
use table::Section;
use trial::Bench;
use values::Values;

const ALL: [Tuned; 4] = [Tuned::Scan, Tuned::Matrix, Tuned::Select, Tuned::Submit];
/// Queries of the largest batch.
const MOST_QUERIES: usize = 8192;
/// How long one batch should keep the device busy: long beside the noise, short beside the time for all candidates.
const BATCH_MS: f64 = 30.0;

pub fn run(args: &TuneArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let output = file::Output::create(&args.out, args.force)?;
    let minutes = args.minutes.unwrap_or(if args.quick { 1.0 } else { 5.0 });
    let end = begin + Duration::from_secs_f64(minutes * 60.0);
    let progress = Progress::start(global.quiet);
    progress.phase("making rows", 0);
    let gpu = inputs::open_gpu(global)?;
    let (rows, dims) = sizes(args, &gpu);
    // Few rows keep a GPU busy with many queries, and a software driver with the fewest.
    let most = if gpu.caps().software { BATCH } else { MOST_QUERIES };
    let sets = dims.iter().map(|&dim| Set::new(rows, most, dim)).collect::<Result<Vec<_>>>()?;
    let bench = Bench::new(global, sets, if args.quick { 3 } else { 5 })?;
    let (present, queries) = (Values::of(gpu.profile())?, vec![BATCH; dims.len()]);
    let (values, quick) = (present.clone(), args.quick);
    let gflops = present.number("submit", "gflops").max(1);
    let mut tuner =
        Tuner { bench, gpu: &gpu, values, queries, gflops, progress: &progress, quick, end };
    tuner.calibrate(BATCH_MS)?;
    let parts = if args.kernel.is_empty() { &ALL[..] } else { &args.kernel };
    let sections = tuner.run(parts)?;

    progress.phase("trying the profile", 0);
    let Tuner { mut bench, values, .. } = tuner;
    let description = describe(gpu.caps(), gpu.profile().name(), (rows, &dims), &sections);
    let family = Profile::family(gpu.caps())?;
    let text = file::text(&gpu.caps().name, &values, &family, &description)?;
    let tried = inputs::builder(global).profile(output.write(&text)?).build()?;
    let loaded = Values::of(tried.profile())?;
    let overruled = overruled(&loaded, &values)?;
    bench.verify(&tried)?;
    drop(tried);
    output.finish()?;
    drop(progress);
    for name in overruled {
        log::warn!("{name} in the environment wins over the profile");
    }
    let outcome = Report { args, gpu: &gpu, rows, dims: &dims, sections, present, values, begin };
    outcome.print(global)
}

/// Rows and dimensions to time with: what was asked for, or what the device does in a moment and has room for.
fn sizes(args: &TuneArgs, gpu: &Gpu) -> (usize, Vec<usize>) {
    let software = gpu.caps().software;
    let dims: Vec<usize> = match (&args.dim[..], software, args.quick) {
        ([], true, _) => vec![64],
        ([], false, true) => vec![128],
        ([], false, false) => vec![128, 768],
        (dims, ..) => dims.iter().map(|&d| d as usize).collect(),
    };
    let usual: u64 = if software { 10_000 } else { 500_000 };
    // the rows, half as much for their copy, and as much again for what a search takes
    let widest = dims.iter().max().map_or(1, |&d| d as u64);
    let room = gpu.memory().budget / (widest * 4 * 3);
    let rows = args.rows.map_or(usual.min(room.max(1024)), u64::from);
    (usize::try_from(rows).unwrap_or(usize::MAX), dims)
}

/// Environment variables for which a loaded profile has other values than it was written with.
fn overruled(loaded: &Values, written: &Values) -> Result<Vec<String>> {
    let names = loaded.differing(written).map(|(section, key, value)| {
        let name = format!("NEARFIELD_{section}_{key}").to_uppercase();
        match std::env::var_os(&name) {
            Some(_) => Ok(name),
            None => {
                let why = format!("the profile was written, but {section}.{key} reads as {value}");
                Err(Failure::Work(why))
            }
        }
    });
    names.collect()
}

fn describe(
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

struct Report<'a> {
    args: &'a TuneArgs,
    gpu: &'a Gpu,
    rows: usize,
    dims: &'a [usize],
    sections: Vec<Section>,
    present: Values,
    values: Values,
    begin: Instant,
}

impl Report<'_> {
    fn print(&self, global: &Global) -> Result<()> {
        if self.args.json {
            return report::to_stdout(format_args!("{}", self.as_json()));
        }
        if global.quiet {
            return Ok(());
        }
        for section in &self.sections {
            report::to_stdout(format_args!("{section}"))?;
        }
        let changed: Vec<_> = self.values.differing(&self.present).collect();
        let profile = self.gpu.profile().name();
        if changed.is_empty() {
            report::to_stdout(format_args!("nothing is faster than the profile {profile}"))?;
        }
        for (section, key, value) in changed {
            let before = self.present.get(section, key);
            let before = before.map_or_else(String::new, |v| format!(", was {v}"));
            report::to_stdout(format_args!("{section}.{key} = {value}{before}"))?;
        }
        let (file, seconds) = (self.args.out.display(), self.begin.elapsed().as_secs_f64());
        report::to_stdout(format_args!(
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
            "seconds": self.begin.elapsed().as_secs_f64(),
        })
    }
}

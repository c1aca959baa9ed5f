//! The run of `tune`: makes the choices in time, writes the profile, tries it, and gives it its name.

use super::data::Set;
use super::file::{self, Output};
use super::report::{self, Report};
use super::trial::Trials;
use super::tuner::{BATCH, Tuner};
use super::values::Values;
use super::{calibrate, steps};
use crate::args::{Global, TuneArgs, Tuned};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{device, output, print};
use nearfield::{Gpu, Profile};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const ALL: [Tuned; 7] = [
    Tuned::Scan,
    Tuned::Matrix,
    Tuned::Select,
    Tuned::Lists,
    Tuned::Codes,
    Tuned::Graph,
    Tuned::Submit,
];
/// Queries of the largest batch.
const MOST_QUERIES: usize = 8192;
/// How long one batch should keep the device busy: long beside the noise, short beside the time for all candidates.
const BATCH_MS: f64 = 30.0;

pub fn run(args: &TuneArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let in_force = std::env::var_os("NEARFIELD_PROFILE").map(PathBuf::from);
    output::check_apart(
        &[&args.out],
        &in_force.iter().map(|path| path.as_path()).collect::<Vec<_>>(),
    )?;
    let mut output = Output::create(&args.out, args.force)?;
    let minutes = args.minutes.unwrap_or(if args.quick { 1.0 } else { 5.0 });
    let end = begin + Duration::from_secs_f64(minutes * 60.0);
    let progress = Progress::start(global.quiet);
    progress.phase("making rows", 0);
    let gpu = device::open(global)?;
    let (rows, dims) = sizes(args, &gpu)?;
    // Few rows keep a GPU busy with many queries, and a software driver with the fewest.
    let most = if gpu.caps().software { BATCH } else { MOST_QUERIES };
    let sets = dims.iter().map(|&dim| Set::new(rows, most, dim)).collect::<Result<Vec<_>>>()?;
    let trials = Trials::new(global, sets, if args.quick { 3 } else { 5 })?;
    let (present, queries) = (Values::of(gpu.profile())?, vec![BATCH; dims.len()]);
    let (values, quick) = (present.clone(), args.quick);
    let gflops = present.number("submit", "gflops").max(1);
    let mut tuner =
        Tuner { trials, gpu: &gpu, values, queries, gflops, progress: &progress, quick, end };
    calibrate::run(&mut tuner, BATCH_MS)?;
    let parts = if args.kernel.is_empty() { &ALL[..] } else { &args.kernel };
    let sections = steps::run(&mut tuner, parts)?;

    progress.phase("trying the profile", 0);
    let Tuner { mut trials, values, .. } = tuner;
    let description = report::describe(gpu.caps(), gpu.profile().name(), (rows, &dims), &sections);
    let family = Profile::family(gpu.caps())?;
    let text = file::text(&gpu.caps().name, &values, &family, &description)?;
    let tried = device::builder(global).profile(output.write(&text)?).build()?;
    let loaded = Values::of(tried.profile())?;
    let overruled = overruled(&loaded, &values)?;
    trials.verify(&tried)?;
    drop(tried);
    output.finish()?;
    drop(progress);
    for name in overruled {
        log::warn!("{name} in the environment wins over the profile");
    }
    let outcome = Report { args, gpu: &gpu, rows, dims: &dims, sections, present, values, begin };
    print::after(&[&args.out], outcome.print(global))
}

/// Rows and dimensions to time with: what was asked for, or what the device does in a moment and has room for.
fn sizes(args: &TuneArgs, gpu: &Gpu) -> Result<(usize, Vec<usize>)> {
    let software = gpu.caps().software;
    let dims: Vec<usize> = match (&args.dim[..], software, args.quick) {
        ([], true, _) => vec![64],
        ([], false, true) => vec![128],
        ([], false, false) => vec![128, 768],
        (dims, ..) => dims.iter().map(|&d| d as usize).collect(),
    };
    let usual: u64 = if software { 10_000 } else { 500_000 };
    // The rows, half as much for their f16 copy, and as much again as both for what a search needs.
    let widest = dims.iter().max().map_or(1, |&d| d as u64);
    let budget = gpu.memory().budget;
    let room = budget / (widest * 4 * 3);
    let rows = args.rows.map_or(usual.min(room.max(1024)), u64::from);
    if rows.saturating_mul(widest * 4) > budget {
        let why = format!(
            "--rows {rows}: so many rows of {widest} do not fit in {budget} bytes of device memory"
        );
        return Err(Failure::Usage(why));
    }
    Ok((usize::try_from(rows).unwrap_or(usize::MAX), dims))
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

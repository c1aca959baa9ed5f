//! `nearfield convert`: of rows, or of an index.

use crate::args::{ConvertArgs, Global, Untold};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::saved::{self, Said, Saved};
use crate::shell::{device, number, output, print, skipped, stop, suspect};
use serde_json::json;
use std::time::Instant;

pub fn run(args: &ConvertArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let (input, output) = (&args.input, &args.output);
    output::check_apart(&[output], &[input])?;
    let said = Said { dim: args.dim, metric: args.metric.as_ref() };
    if let Some(saved) = Saved::find(input, said)? {
        return index(&saved, args, global, begin);
    }
    let progress = Progress::start(global.quiet);
    progress.phase("converting", 0);
    let mut told = false;
    let to = args.rounding.to(args.dtype).u16_as_bf16(args.from == Some(Untold::Bf16));
    let to = args.reading.of(to);
    let (converted, file) =
        nearfield::format::convert_unnamed(input, output, to, &mut |done, total| {
            if !std::mem::replace(&mut told, true) {
                progress.phase("converting", total);
            }
            progress.set(done);
            stop::check()
        })
        .map_err(|e| Failure::about(input, 0, e))?;
    stop::name([file], [])?;
    drop(progress);
    let (rows, scale, losses) = (converted.rows, converted.scale, converted.losses);
    if let (false, Some((row, why))) = (global.quiet, suspect::merged(&losses)) {
        suspect::warn(input, row, why);
    }
    if let (false, Some(note)) = (global.quiet, args.rounding.idle(args.dtype, &losses)) {
        suspect::note(input, note);
    }
    if !global.quiet {
        skipped::warn(input, &converted.skipped, "");
    }
    let seconds = begin.elapsed().as_secs_f64();
    if args.json {
        let mut summary = json!({
            "command": "convert",
            "input": input.to_string_lossy(),
            "output": output.to_string_lossy(),
            "rows": rows,
            "scale": number::json(scale),
            "largest_relative_change": number::json(losses.largest),
            "rows_changed": losses.changed,
            "seconds": number::json(seconds),
        });
        if args.reading.skip_nan {
            summary["skipped"] = json!(converted.skipped);
        }
        return print::after(&[output], print::to_stdout(format_args!("{summary}")));
    }
    if global.quiet {
        return Ok(());
    }
    let written = [output];
    let (input, output) = (input.display(), output.display());
    let scaled = if scale == 1.0 { String::new() } else { format!(" times {scale}") };
    let changed = match losses.largest {
        0.0 => String::new(),
        largest => format!(", changed by {:.2e} of their length at most", largest),
    };
    let line = format_args!("{rows} rows of {input}{scaled} in {output}{changed}, {seconds:.2} s");
    print::after(&written, print::to_stdout(line))
}

/// Writes an index to a file of another format; what it holds stays.
fn index(saved: &Saved, args: &ConvertArgs, global: &Global, begin: Instant) -> Result<()> {
    let output = &args.output;
    let format = saved::format_of(output)?;
    let (rounding, reading) = (&args.rounding, &args.reading);
    let given = [
        ("--dtype", args.dtype.is_some()),
        ("--from", args.from.is_some()),
        ("--scale", rounding.scale.is_some()),
        ("--force", rounding.force),
        ("--first", reading.first.is_some()),
        ("--skip-nan", reading.skip_nan),
        ("--bits", reading.bits.is_some()),
        ("--bit-order", reading.bit_order.is_some()),
    ];
    if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
        let input = args.input.display();
        return Err(Failure::Usage(format!("{option} is for files of rows; {input} is an index")));
    }
    let progress = Progress::start(global.quiet);
    progress.phase("opening the device", 0);
    let gpu = device::open(global)?;
    progress.phase("reading the index", 0);
    let index = saved.read(&gpu)?;
    progress.phase("writing the index", 0);
    stop::name([format.write(&*index, output)?], [])?;
    drop(progress);
    let bytes = std::fs::metadata(output).map(|meta| meta.len()).unwrap_or_default();
    let (rows, seconds) = (saved.info.rows, begin.elapsed().as_secs_f64());
    if args.json {
        let summary = json!({
            "command": "convert",
            "adapter": gpu.caps().name,
            "input": args.input.to_string_lossy(),
            "output": output.to_string_lossy(),
            "index": index.description(),
            "rows": rows,
            "bytes": bytes,
            "seconds": number::json(seconds),
        });
        return print::after(&[output], print::to_stdout(format_args!("{summary}")));
    }
    if global.quiet {
        return Ok(());
    }
    let (input, to) = (args.input.display(), output.display());
    let line = format_args!("{rows} rows of {input} in {to}, {bytes} bytes, {seconds:.2} s");
    print::after(&[output], print::to_stdout(line))
}

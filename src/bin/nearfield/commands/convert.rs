//! `nearfield convert`.

use crate::args::{ConvertArgs, Global};
use crate::shell::failure::{Failure, Result};
use crate::shell::progress::Progress;
use crate::shell::{number, output, print, stop};
use serde_json::json;
use std::time::Instant;

pub fn run(args: &ConvertArgs, global: &Global) -> Result<()> {
    let begin = Instant::now();
    let (input, output) = (&args.input, &args.output);
    output::check_apart(&[output], &[input])?;
    let progress = Progress::start(global.quiet);
    progress.phase("converting", 0);
    let mut told = false;
    let rows = nearfield::format::convert(input, output, args.dtype, &mut |done, total| {
        if !std::mem::replace(&mut told, true) {
            progress.phase("converting", total);
        }
        progress.set(done);
        stop::check()
    })
    .map_err(|e| Failure::about(input, 0, e))?;
    drop(progress);
    let seconds = begin.elapsed().as_secs_f64();
    if args.json {
        let summary = json!({
            "command": "convert",
            "input": input.to_string_lossy(),
            "output": output.to_string_lossy(),
            "rows": rows,
            "seconds": number::json(seconds),
        });
        return print::to_stdout(format_args!("{summary}"));
    }
    if global.quiet {
        return Ok(());
    }
    let (input, output) = (input.display(), output.display());
    print::to_stdout(format_args!("{rows} rows of {input} in {output}, {seconds:.2} s"))
}

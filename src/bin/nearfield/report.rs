//! What a command prints.

use crate::args::Global;
use crate::failure::{Failure, Result};
use crate::inputs::Inputs;
use crate::totals;
use nearfield::format::RowFile;
use nearfield::{Gpu, RowSource, SearchStats};
use serde_json::{Map, Value, json};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

/// One line on stderr. That nobody reads it is no reason to fail.
pub fn to_stderr(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Lines on stdout.
pub fn to_stdout(lines: fmt::Arguments<'_>) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{lines}").and_then(|()| out.flush());
    written.map_err(|e| Failure::Work(format!("stdout: {e}")))
}

/// How long the parts of a search took.
pub struct Laps {
    begin: Instant,
    last: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Laps {
    pub fn begin() -> Laps {
        let now = Instant::now();
        Laps { begin: now, last: now, laps: Vec::new() }
    }

    /// Ends a part.
    pub fn end(&mut self, part: &'static str) {
        let now = Instant::now();
        self.laps.push((part, (now - self.last).as_secs_f64()));
        self.last = now;
    }
}

/// What a search was asked and what came of it.
pub struct Summary<'a> {
    pub command: &'static str,
    /// k or the radius, under its name.
    pub asked: (&'static str, Value),
    pub inputs: &'a Inputs<'a>,
    pub gpu: &'a Gpu,
    /// Whether the base stayed on the host.
    pub streamed: bool,
    pub stats: &'a SearchStats,
    pub hits: u64,
    /// The files that were written.
    pub outputs: &'a [PathBuf],
    pub laps: &'a Laps,
}

impl Summary<'_> {
    /// Prints it as the options say.
    pub fn print(&self, global: &Global) -> Result<()> {
        let (stats, json) = (self.inputs.args.stats, self.inputs.args.json);
        if json {
            return to_stdout(format_args!("{}", self.as_json(stats)));
        }
        if stats {
            to_stderr(format_args!("{}", totals::AsText(self.stats)));
        }
        if global.quiet {
            return Ok(());
        }
        let (hits, queries) = (self.hits, self.inputs.queries.row_count());
        let names: Vec<_> = self.outputs.iter().map(|path| path.display().to_string()).collect();
        let (files, seconds) = (names.join(", "), self.laps.begin.elapsed().as_secs_f64());
        to_stdout(format_args!("{hits} hits of {queries} queries in {files}, {seconds:.2} s"))
    }

    fn as_json(&self, stats: bool) -> Value {
        let args = self.inputs.args;
        let memory = self.gpu.memory();
        let mut seconds: Map<_, _> =
            self.laps.laps.iter().map(|(part, s)| ((*part).to_owned(), json!(s))).collect();
        seconds.insert("total".into(), json!(self.laps.begin.elapsed().as_secs_f64()));
        let outputs: Vec<_> = self.outputs.iter().map(|path| path.to_string_lossy()).collect();
        let mut summary = json!({
            "command": self.command,
            "adapter": self.gpu.caps().name,
            "index": args.index,
            "metric": args.metric.to_string(),
            "base": file(&self.inputs.base),
            "query": file(&self.inputs.queries),
            "streamed": self.streamed,
            "chunks": self.stats.stream.chunks,
            "hits": self.hits,
            "outputs": outputs,
            "seconds": seconds,
            "device_memory": { "peak": memory.peak, "budget": memory.budget },
        });
        let (name, value) = &self.asked;
        summary[*name] = value.clone();
        if stats {
            summary["stats"] = totals::as_json(self.stats);
        }
        summary
    }
}

fn file(rows: &RowFile) -> Value {
    json!({
        "file": rows.path().to_string_lossy(),
        "rows": rows.row_count(),
        "dim": rows.dim(),
        "dtype": rows.dtype().name(),
    })
}

//! What `search` and `range` say at their end: a line, or a document of JSON.

use super::failure::Result;
use super::inputs::Inputs;
use super::totals::Totals;
use super::{number, print};
use crate::args::Global;
use nearfield::format::RowFile;
use nearfield::{Gpu, RowSource};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Instant;

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
    pub totals: &'a Totals,
    /// The files that were written.
    pub outputs: &'a [PathBuf],
    pub laps: &'a Laps,
}

impl Summary<'_> {
    /// Prints it as the options say.
    pub fn print(&self, global: &Global) -> Result<()> {
        print::after(self.outputs, self.print_lines(global))
    }

    fn print_lines(&self, global: &Global) -> Result<()> {
        let (stats, json) = (self.inputs.args.stats, self.inputs.args.json);
        if json {
            return print::to_stdout(format_args!("{}", self.as_json(stats)));
        }
        if stats {
            print::to_stderr(format_args!("{}", self.totals));
        }
        if global.quiet {
            return Ok(());
        }
        let (hits, queries) = (self.totals.hits, self.inputs.queries.row_count());
        let names: Vec<_> = self.outputs.iter().map(|path| path.display().to_string()).collect();
        let (files, seconds) = (names.join(", "), self.laps.begin.elapsed().as_secs_f64());
        print::to_stdout(format_args!(
            "{hits} hits of {queries} queries in {files}, {seconds:.2} s"
        ))
    }

    fn as_json(&self, stats: bool) -> Value {
        let args = self.inputs.args;
        let memory = self.gpu.memory();
        let mut seconds: Map<_, _> =
            self.laps.laps.iter().map(|(part, s)| ((*part).to_owned(), number::json(*s))).collect();
        seconds.insert("total".into(), number::json(self.laps.begin.elapsed().as_secs_f64()));
        let outputs: Vec<_> = self.outputs.iter().map(|path| path.to_string_lossy()).collect();
        let mut summary = json!({
            "command": self.command,
            "adapter": self.gpu.caps().name,
            "index": args.index,
            "metric": args.metric.to_string(),
            "base": file(&self.inputs.base),
            "query": file(&self.inputs.queries),
            "scale": number::json(self.inputs.scaled.scale),
            "streamed": self.streamed,
            "chunks": self.totals.stats.stream.chunks,
            "hits": self.totals.hits,
            "outputs": outputs,
            "seconds": seconds,
            "device_memory": { "peak": memory.peak, "budget": memory.budget },
        });
        let (name, value) = &self.asked;
        summary[*name] = value.clone();
        if stats {
            summary["stats"] = self.totals.as_json();
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

//! What `search` and `range` say at their end: a line, or a document of JSON.

use super::failure::Result;
use super::inputs::Inputs;
use super::totals::Totals;
use super::{number, print};
use crate::args::Global;
use nearfield::{DType, Gpu, RowSource};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
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

/// A line of what runs, for a terminal.
pub fn tell_start(inputs: &Inputs<'_>, gpu: &Gpu, global: &Global) {
    if global.quiet {
        return;
    }
    let (caps, source) = (gpu.caps(), &inputs.source);
    let (queries, rows, dim) = (inputs.queries.row_count(), source.row_count(), source.dim());
    let (dtype, metric) = (source.dtype(), source.metric());
    print::to_terminal(format_args!(
        "{} ({}): {queries} queries x {rows} rows of {dim} {dtype}, {metric}",
        caps.name, caps.backend
    ));
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
            if !global.quiet {
                self.tell_cost();
            }
            return print::to_stdout(format_args!("{}", self.as_json(stats)));
        }
        if stats {
            print::to_stderr(format_args!("{}", self.totals));
        }
        if global.quiet {
            return Ok(());
        }
        self.tell_cost();
        if self.outputs.is_empty() {
            return Ok(());
        }
        let (hits, queries) = (self.totals.hits, self.inputs.queries.row_count());
        let names: Vec<_> = self.outputs.iter().map(|path| path.display().to_string()).collect();
        let (files, seconds) = (names.join(", "), self.laps.begin.elapsed().as_secs_f64());
        print::to_stdout(format_args!(
            "{hits} hits of {queries} queries in {files}, {seconds:.2} s"
        ))
    }

    /// A line of what it cost, for a terminal.
    fn tell_cost(&self) {
        let (queries, rows) = (self.inputs.queries.row_count(), self.inputs.source.row_count());
        let parts: Vec<_> =
            self.laps.laps.iter().map(|(part, seconds)| format!("{part} {seconds:.2}")).collect();
        let search = self.laps.laps.iter().find(|(part, _)| *part == "search");
        let rate = queries as f64 / search.map_or(f64::INFINITY, |(_, s)| s.max(1e-6));
        print::to_terminal(format_args!(
            "{queries} queries x {rows} rows, {} hits in {:.2} s ({}): {rate:.0} queries/s, {} MiB of device memory at most",
            self.totals.hits,
            self.laps.begin.elapsed().as_secs_f64(),
            parts.join(", "),
            self.gpu.memory().peak.div_ceil(1 << 20)
        ));
    }

    fn as_json(&self, stats: bool) -> Value {
        let Inputs { args, source, queries, .. } = self.inputs;
        let memory = self.gpu.memory();
        let mut seconds: Map<_, _> =
            self.laps.laps.iter().map(|(part, s)| ((*part).to_owned(), number::json(*s))).collect();
        seconds.insert("total".into(), number::json(self.laps.begin.elapsed().as_secs_f64()));
        let outputs: Vec<_> = self.outputs.iter().map(|path| path.to_string_lossy()).collect();
        let mut summary = json!({
            "command": self.command,
            "adapter": self.gpu.caps().name,
            "index": self.inputs.source.kind(&args.index),
            "metric": args.metric.as_ref().map_or_else(|| source.metric().to_string(), ToString::to_string),
            "base": file(source.path(), source.row_count(), source.dim(), source.dtype()),
            "query": file(queries.path(), queries.row_count(), queries.dim(), queries.dtype()),
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
        if args.reading.skip_nan {
            summary["base"]["skipped"] = json!(source.skipped());
            summary["query"]["skipped"] = json!(queries.skipped());
        }
        if stats {
            summary["stats"] = self.totals.as_json();
        }
        summary
    }
}

fn file(path: &Path, rows: u64, dim: usize, dtype: DType) -> Value {
    json!({ "file": path.to_string_lossy(), "rows": rows, "dim": dim, "dtype": dtype.name() })
}

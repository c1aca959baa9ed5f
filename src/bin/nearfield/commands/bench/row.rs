//! What the charts know of a measurement: of this run, of the document of another, or of another program's table.

use super::case::{Base, Case, probes};
use super::measure::Record;
use super::roofline::{Achieved, Peaks};
use super::suite;
use crate::shell::failure::{Failure, Result};
use nearfield::{DType, Error, Metric};
use serde::Deserialize;
use std::path::Path;

/// A measurement.
pub struct Row {
    pub n: usize,
    pub d: usize,
    pub metric: String,
    pub queries: usize,
    pub k: usize,
    /// Which copies were asked for or refused, and the filter: ", " before each.
    pub options: String,
    /// The program that was measured, where it is another.
    pub program: Option<String>,
    pub queries_per_s: f64,
    pub wall_ms: f64,
    pub achieved: Option<Achieved>,
}

impl Row {
    pub fn of(record: &Record) -> Row {
        let Case { base, queries, k, .. } = &record.case;
        Row {
            n: base.n,
            d: base.d,
            metric: base.metric.to_string(),
            queries: *queries,
            k: *k,
            options: types(base.dtype.name()) + &record.case.options(),
            program: None,
            queries_per_s: record.queries_per_s(),
            wall_ms: record.time.wall_ms(),
            achieved: record.achieved,
        }
    }
}

/// f32 is what goes without saying.
fn types(dtype: &str) -> String {
    if dtype == DType::F32.name() { String::new() } else { format!(", {dtype}") }
}

/// What the charts take from a document that `--json` wrote.
#[derive(Deserialize)]
pub struct Document {
    suite: String,
    adapter: Adapter,
    pub peaks: Option<Peaks>,
    rows: Vec<RowText>,
}

#[derive(Deserialize)]
struct Adapter {
    name: String,
}

#[derive(Deserialize)]
struct RowText {
    n: usize,
    d: usize,
    metric: String,
    dtype: String,
    /// Absent from documents of older versions.
    label: Option<String>,
    settings: Vec<(String, String, String)>,
    half_filtered: bool,
    filter_by_query: bool,
    /// Absent likewise.
    #[serde(default)]
    within: bool,
    nlist: Option<usize>,
    nprobe: Option<usize>,
    queries: usize,
    k: usize,
    queries_per_s: f64,
    wall_ms: f64,
    roofline: Option<Work>,
}

#[derive(Deserialize)]
struct Work {
    flops: f64,
    bytes: f64,
    tflops: f64,
}

impl Document {
    pub fn read(path: &Path) -> Result<Document> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let read = serde_json::from_str(&text);
        read.map_err(|e| {
            Failure::Work(format!("{}: no document of bench --json: {e}", path.display()))
        })
    }

    pub fn adapter(&self) -> &str {
        &self.adapter.name
    }

    pub fn rows(&self) -> Vec<Row> {
        self.rows.iter().map(|row| row.row(&self.suite)).collect()
    }
}

impl RowText {
    fn row(&self, suite: &str) -> Row {
        let filter = match (self.half_filtered, self.filter_by_query) {
            (_, true) => ", half filtered by query",
            (true, false) => ", half filtered",
            (false, false) => "",
        };
        let within = if self.within { ", by radius" } else { "" };
        let lists = probes(self.nlist, self.nprobe).unwrap_or_default();
        let label = self.label.clone().or_else(|| suite::label(suite, |base| self.is_of(base)));
        let label = label.map(|label| format!(", {label}")).unwrap_or_default();
        Row {
            n: self.n,
            d: self.d,
            metric: self.metric.clone(),
            queries: self.queries,
            k: self.k,
            options: types(&self.dtype) + &label + filter + within + &lists,
            program: None,
            queries_per_s: self.queries_per_s,
            wall_ms: self.wall_ms,
            achieved: self.roofline.as_ref().map(|w| Achieved::new(w.flops, w.bytes, w.tflops)),
        }
    }

    /// Whether it was measured with these rows and settings, whose keys may have had other names then.
    fn is_of(&self, base: &Base) -> bool {
        let rows = (base.n, base.d, base.metric.to_string(), base.dtype.name());
        let values = |settings: &[(String, String, String)]| -> Vec<_> {
            settings.iter().map(|(section, _, value)| (section.clone(), value.clone())).collect()
        };
        rows == (self.n, self.d, self.metric.clone(), self.dtype.as_str())
            && values(&base.settings) == values(&self.settings)
    }
}

/// The rows of a table of other programs, as the scripts of benches/peers write it.
pub fn peers(path: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let (mut rows, wanted) =
        (Vec::new(), ["name", "n", "d", "queries", "k", "ms", "queries_per_s"]);
    let place = |name: &str| names.iter().position(|other| *other == name);
    for (number, line) in (2..).zip(lines) {
        let fields: Vec<&str> = line.split(',').collect();
        let field = |name| place(name).and_then(|at| fields.get(at)).copied();
        let row = peer(|name| field(name).unwrap_or_default()).ok_or_else(|| {
            let (path, wanted) = (path.display(), wanted.join(","));
            Failure::Work(format!("{path}, line {number}: has no numbers under each of {wanted}"))
        })?;
        rows.push(row);
    }
    Ok(rows)
}

fn peer<'a>(field: impl Fn(&'static str) -> &'a str) -> Option<Row> {
    let program = field("name");
    // one that names no metric is the fastest way to the neighbours, which l2 is held against
    let is_metric = |word: &&str| Metric::from_name(word, DType::F32).is_ok();
    let metric = program.split(' ').find(is_metric);
    let words: Vec<&str> = program.split(' ').filter(|word| Some(*word) != metric).collect();
    Some(Row {
        n: field("n").parse().ok()?,
        d: field("d").parse().ok()?,
        metric: metric.unwrap_or("l2").to_owned(),
        queries: field("queries").parse().ok()?,
        k: field("k").parse().ok()?,
        options: String::new(),
        program: Some(words.join(" ")),
        queries_per_s: field("queries_per_s").parse().ok()?,
        wall_ms: field("ms").parse().ok()?,
        achieved: None,
    })
}

//! What was measured, for people and as JSON.

use crate::shell::number::json as json_number;
use serde_json::{Value, json};
use std::fmt;

/// One candidate.
pub struct Line {
    pub name: String,
    /// Over all loads.
    pub milliseconds: Option<f64>,
    pub rate: Option<f64>,
    /// How many times as fast as the profile in force.
    pub relative: Option<f64>,
    /// Whether it answered rightly, as all that may be chosen do.
    pub checked: bool,
    /// What else there is to say: why it was not taken.
    pub note: String,
    pub present: bool,
    pub chosen: bool,
}

impl Line {
    /// Decimal places of the rate.
    fn places(&self) -> usize {
        if self.rate.is_some_and(|rate| rate < 100.0) { 2 } else { 0 }
    }
}

fn number(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.places$}"))
}

/// One choice with its candidates.
pub struct Section {
    pub kernel: &'static str,
    pub what: String,
    /// The rate is in 10^9 operations a second, otherwise in queries a second.
    pub operations: bool,
    pub lines: Vec<Line>,
    /// Candidates that the time did not suffice for.
    pub skipped: usize,
    pub note: Option<String>,
}

impl Section {
    pub fn empty(kernel: &'static str, what: &str) -> Section {
        let what = what.to_owned();
        Section { kernel, what, operations: false, lines: Vec::new(), skipped: 0, note: None }
    }

    fn unit(&self) -> &'static str {
        if self.operations { "GFLOP/s" } else { "queries/s" }
    }

    /// The chosen candidate in one line, for the profile's description.
    pub fn summary(&self) -> Option<String> {
        let fastest = self.lines.iter().rev().find(|line| line.chosen);
        let line = fastest.map(|line| {
            let (ms, rate) = (number(line.milliseconds, 3), number(line.rate, line.places()));
            let relative = line.relative.map_or_else(String::new, |r| format!(", {r:.2} x"));
            format!("{}: {ms} ms, {rate} {}{relative}", line.name, self.unit())
        });
        let text = match (&line, &self.note) {
            (Some(line), Some(note)) => format!("{line}; {note}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => return None,
        };
        Some(format!("{}, {}: {text}", self.kernel, self.what))
    }

    pub fn as_json(&self) -> Value {
        let line = |l: &Line| {
            json!({
                "candidate": l.name,
                "milliseconds": l.milliseconds.map(json_number),
                "rate": l.rate.map(json_number),
                "relative": l.relative.map(json_number),
                "checked": l.checked,
                "note": l.note,
                "present": l.present,
                "chosen": l.chosen,
            })
        };
        json!({
            "kernel": self.kernel,
            "what": self.what,
            "unit": self.unit(),
            "candidates": self.lines.iter().map(line).collect::<Vec<_>>(),
            "skipped": self.skipped,
            "note": self.note,
        })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.kernel, self.what)?;
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or(0).max(9);
        if !self.lines.is_empty() {
            let unit = self.unit();
            writeln!(f, "  {:<width$} {:>12} {unit:>12} {:>9}", "candidate", "ms", "relative")?;
        }
        for line in &self.lines {
            let mark = if line.chosen { '*' } else { ' ' };
            let (ms, rate) = (number(line.milliseconds, 3), number(line.rate, line.places()));
            let relative = number(line.relative, 2);
            let notes = [
                (line.checked, "checked"),
                (line.present, "in force"),
                (!line.note.is_empty(), &line.note),
            ];
            let notes: Vec<_> = notes.iter().filter(|(on, _)| *on).map(|(_, text)| *text).collect();
            let (name, notes) = (&line.name, notes.join(", "));
            writeln!(f, "{mark} {name:<width$} {ms:>12} {rate:>12} {relative:>9}  {notes}")?;
        }
        if self.skipped > 0 {
            writeln!(f, "  {} not measured: the time was over", self.skipped)?;
        }
        self.note.iter().try_for_each(|note| writeln!(f, "  {note}"))
    }
}

//! Which charts a run has points for, and what stands in them.

use super::roofline::{Achieved, Peaks};
use super::row::Row;
use std::collections::BTreeSet;

/// One chart, both axes logarithmic.
pub struct Chart {
    /// The file's, without its extension.
    pub name: &'static str,
    pub title: String,
    pub x: &'static str,
    pub y: &'static str,
    pub series: Vec<Series>,
    /// What a run is missing where there are fewer than two points.
    pub lack: &'static str,
}

/// Points that belong together, by rising x.
pub struct Series {
    pub label: String,
    /// Which program it is of, where that is another.
    pub program: Option<String>,
    pub points: Vec<(f64, f64)>,
    /// What is written beside each point; empty, or as many as there are points.
    pub notes: Vec<String>,
    pub drawn: Drawn,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Drawn {
    /// Points joined by a line.
    Joined,
    Points,
    /// A line that was not measured.
    Line,
}

impl Series {
    pub fn new(label: String, program: Option<String>, drawn: Drawn) -> Series {
        Series { label, program, points: Vec::new(), notes: Vec::new(), drawn }
    }
}

impl Chart {
    /// How many measurements it shows.
    pub fn points(&self) -> usize {
        let measured = self.series.iter().filter(|series| series.drawn != Drawn::Line);
        measured.map(|series| series.points.len()).sum()
    }
}

/// How many points a curve has at least: through two of them any line goes.
const LEAST: usize = 3;

pub fn all(rows: &[Row], adapter: &str, peaks: Option<Peaks>) -> Vec<Chart> {
    let shape = |r: &Row| format!("{} x {} {}", number(r.n), r.d, r.metric);
    let batch = |r: &Row| format!("{}, k = {}", shape(r), r.k);
    let k = |r: &Row| format!("{}, {}", shape(r), queries(r));
    let size = |r: &Row| format!("d = {} {}, {}, k = {}", r.d, r.metric, queries(r), r.k);
    let rate = |r: &Row| r.queries_per_s;
    let chart = |name, title, (x, y), (mut series, about): (Vec<Series>, String), lack| {
        let title = format!("{title}: {adapter}{about}");
        series.sort_by_key(|one| one.program.is_some());
        Chart { name, title, x, y, series, lack }
    };
    vec![
        chart(
            "rate-by-batch",
            "Rate by batch size",
            ("queries in a batch", "queries a second"),
            curves(rows, batch, |r| (r.queries as f64, rate(r))),
            "no three batch sizes",
        ),
        chart(
            "rate-by-k",
            "Rate by k",
            ("k", "queries a second"),
            curves(rows, k, |r| (r.k as f64, rate(r))),
            "no three values of k",
        ),
        chart(
            "time-by-n",
            "Time by rows",
            ("rows", "milliseconds a batch"),
            curves(rows, size, |r| (r.n as f64, r.wall_ms)),
            "no three numbers of rows",
        ),
        roofline(rows, adapter, peaks),
    ]
}

/// `1000`, `10k`, `1M`.
fn number(n: usize) -> String {
    match n {
        _ if n >= 1_000_000 && n.is_multiple_of(1_000_000) => format!("{}M", n / 1_000_000),
        _ if n >= 10_000 && n.is_multiple_of(1000) => format!("{}k", n / 1000),
        _ => n.to_string(),
    }
}

fn queries(row: &Row) -> String {
    match row.queries {
        1 => "one query".into(),
        count => format!("{} queries", number(count)),
    }
}

/// A curve for each case and program that has points enough, of the cases that we and others have, if there are any, else of all of
/// ours. What all have in common is said once, in the second of what is returned.
fn curves(
    rows: &[Row],
    case: impl Fn(&Row) -> String,
    point: impl Fn(&Row) -> (f64, f64),
) -> (Vec<Series>, String) {
    let mut all: Vec<(String, Series)> = Vec::new();
    for row in rows {
        let (case, label) = (case(row), row.options.clone());
        let at = all.iter().position(|(other, one)| {
            (other, &one.label, &one.program) == (&case, &label, &row.program)
        });
        let at = at.unwrap_or_else(|| {
            all.push((case, Series::new(label, row.program.clone(), Drawn::Joined)));
            all.len() - 1
        });
        all[at].1.points.push(point(row));
    }
    for (_, one) in &mut all {
        one.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        one.points.dedup_by_key(|point| point.0);
    }
    all.retain(|(_, one)| one.points.len() >= LEAST);
    let cases = |all: &[(String, Series)], others: bool| -> BTreeSet<String> {
        let of = all.iter().filter(|(_, one)| one.program.is_some() == others);
        of.map(|(case, _)| case.clone()).collect()
    };
    let (mut shown, others) = (cases(&all, false), cases(&all, true));
    // where others have answered, too, it is they who are looked at
    if !shown.is_disjoint(&others) {
        shown.retain(|case| others.contains(case));
    }
    all.retain(|(case, _)| shown.contains(case));
    let common = shown.len() == 1;
    let labelled = all.into_iter().map(|(case, mut one)| {
        let who = one.program.as_deref().unwrap_or("nearfield");
        let label = if common { who.to_owned() } else { format!("{case}, {who}") };
        one.label = label + &one.label;
        one
    });
    let about = shown.first().filter(|_| common).map(|case| format!(", {case}"));
    (labelled.collect(), about.unwrap_or_default())
}

/// The scans by their operations a byte: in TFLOP/s below the roof, or beside GB/s where no peaks are known.
fn roofline(rows: &[Row], adapter: &str, peaks: Option<Peaks>) -> Chart {
    let mut series = Vec::new();
    for row in rows {
        let known = row.achieved.as_ref().filter(|achieved| achieved.bytes > 0.0);
        let Some(achieved) = known else { continue };
        let label = format!("d = {} {}{}", row.d, row.metric, row.options);
        let (x, tflops) = (achieved.intensity(), achieved.tflops());
        if let Some(peaks) = peaks {
            let note = format!("{:.0} %", 100.0 * peaks.share(achieved));
            push(&mut series, label, (x, tflops), Some(note));
        } else {
            push(&mut series, format!("{label}, TFLOP/s"), (x, tflops), None);
            push(&mut series, format!("{label}, GB/s"), (x, achieved.gbs()), None);
        }
    }
    if let Some(peaks) = peaks {
        series.extend(roof(rows, peaks));
    }
    Chart {
        name: "roofline",
        title: match peaks {
            Some(_) => format!("Share of the roofline: {adapter}"),
            None => format!("Scans by operations a byte: {adapter}"),
        },
        x: "operations a byte of rows",
        y: if peaks.is_some() { "TFLOP/s" } else { "TFLOP/s and GB/s" },
        series,
        lack: "no two scans with device times",
    }
}

/// The ceiling over the measured scans, and as far as its ridge.
fn roof(rows: &[Row], peaks: Peaks) -> Option<Series> {
    let measured = rows
        .iter()
        .filter_map(|r| r.achieved.as_ref())
        .filter(|a| a.bytes > 0.0)
        .map(Achieved::intensity);
    let mut xs: Vec<f64> = measured.chain([peaks.ridge()]).collect();
    xs.sort_by(f64::total_cmp);
    let label = format!("{} GB/s, {} TFLOP/s", peaks.gbs, peaks.tflops);
    let points = [*xs.first()?, peaks.ridge(), *xs.last()?].map(|x| (x, peaks.roof(x)));
    let mut roof = Series::new(label, None, Drawn::Line);
    roof.points = points.to_vec();
    Some(roof)
}

fn push(series: &mut Vec<Series>, label: String, point: (f64, f64), note: Option<String>) {
    let at = series.iter().position(|one| one.label == label).unwrap_or(series.len());
    if at == series.len() {
        series.push(Series::new(label, None, Drawn::Points));
    }
    series[at].points.push(point);
    series[at].notes.extend(note);
}

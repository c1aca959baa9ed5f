//! Which charts a run has points for, and what stands in them.

use super::measure::Record;
use super::roofline::Peaks;

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

impl Chart {
    /// How many measurements it shows.
    pub fn points(&self) -> usize {
        let measured = self.series.iter().filter(|series| series.drawn != Drawn::Line);
        measured.map(|series| series.points.len()).sum()
    }
}

pub fn all(records: &[Record], adapter: &str, peaks: Option<Peaks>) -> Vec<Chart> {
    let shape =
        |r: &Record| format!("{} x {} {}", r.case.base.n, r.case.base.d, r.case.base.metric);
    let batch = |r: &Record| format!("{}, k = {}{}", shape(r), r.case.k, r.case.options());
    let k = |r: &Record| format!("{}, {}{}", shape(r), queries(r), r.case.options());
    let rows = |r: &Record| {
        let (base, case) = (&r.case.base, &r.case);
        format!("d = {} {}, {}, k = {}{}", base.d, base.metric, queries(r), case.k, case.options())
    };
    vec![
        Chart {
            name: "rate-by-batch",
            title: format!("Rate by batch size: {adapter}"),
            x: "queries in a batch",
            y: "queries a second",
            series: curves(records, batch, |r| (r.case.queries as f64, r.queries_per_s())),
            lack: "no two batch sizes",
        },
        Chart {
            name: "rate-by-k",
            title: format!("Rate by k: {adapter}"),
            x: "k",
            y: "queries a second",
            series: curves(records, k, |r| (r.case.k as f64, r.queries_per_s())),
            lack: "no two values of k",
        },
        Chart {
            name: "time-by-n",
            title: format!("Time by rows: {adapter}"),
            x: "rows",
            y: "milliseconds a batch",
            series: curves(records, rows, |r| (r.case.base.n as f64, r.time.wall_ms())),
            lack: "no two numbers of rows",
        },
        roofline(records, adapter, peaks),
    ]
}

fn queries(record: &Record) -> String {
    match record.case.queries {
        1 => "one query".into(),
        count => format!("{count} queries"),
    }
}

/// A curve for each label that has two points or more.
fn curves(
    records: &[Record],
    label: impl Fn(&Record) -> String,
    point: impl Fn(&Record) -> (f64, f64),
) -> Vec<Series> {
    let mut series = Vec::new();
    for record in records {
        push(&mut series, label(record), point(record), None, Drawn::Joined);
    }
    for one in &mut series {
        one.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        one.points.dedup_by_key(|point| point.0);
    }
    series.retain(|one| one.points.len() > 1);
    series
}

/// The scans by their operations a byte: in TFLOP/s below the roof, or beside GB/s where no peaks are known.
fn roofline(records: &[Record], adapter: &str, peaks: Option<Peaks>) -> Chart {
    let mut series = Vec::new();
    for record in records {
        let Some(achieved) = &record.achieved else { continue };
        let (base, case) = (&record.case.base, &record.case);
        let label = format!("d = {} {}{}", base.d, base.metric, case.options());
        let (x, tflops) = (achieved.intensity(), achieved.tflops());
        if let Some(peaks) = peaks {
            let note = format!("{:.0} %", 100.0 * peaks.share(achieved));
            push(&mut series, label, (x, tflops), Some(note), Drawn::Points);
        } else {
            push(&mut series, format!("{label}, TFLOP/s"), (x, tflops), None, Drawn::Points);
            push(&mut series, format!("{label}, GB/s"), (x, achieved.gbs()), None, Drawn::Points);
        }
    }
    if let Some(peaks) = peaks {
        series.extend(roof(records, peaks));
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
fn roof(records: &[Record], peaks: Peaks) -> Option<Series> {
    let measured = records.iter().filter_map(|r| Some(r.achieved.as_ref()?.intensity()));
    let mut xs: Vec<f64> = measured.chain([peaks.ridge()]).collect();
    xs.sort_by(f64::total_cmp);
    let label = format!("{} GB/s, {} TFLOP/s", peaks.gbs, peaks.tflops);
    let points = [*xs.first()?, peaks.ridge(), *xs.last()?].map(|x| (x, peaks.roof(x)));
    Some(Series { label, points: points.to_vec(), notes: Vec::new(), drawn: Drawn::Line })
}

fn push(
    series: &mut Vec<Series>,
    label: String,
    point: (f64, f64),
    note: Option<String>,
    drawn: Drawn,
) {
    let at = series.iter().position(|one| one.label == label).unwrap_or(series.len());
    if at == series.len() {
        series.push(Series { label, points: Vec::new(), notes: Vec::new(), drawn });
    }
    series[at].points.push(point);
    series[at].notes.extend(note);
}

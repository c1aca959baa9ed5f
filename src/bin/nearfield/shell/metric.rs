//! The metric that was asked for: one by its name, or one of the user's from a file of WGSL.

use super::failure::{Failure, Result};
use crate::args::MetricName;
use nearfield::{DType, Error, Metric, Order};
use std::path::Path;

/// The metric of a search, for the type that the base will have.
pub fn of(name: &MetricName, dtype: Option<DType>) -> Result<Metric> {
    let bits = dtype == Some(DType::Bits);
    let metric = match name {
        MetricName::Plain(name) => Metric::from_name(name, dtype.unwrap_or(DType::F32))?,
        MetricName::Wgsl(file) => read(file)?,
    };
    if metric.is_binary() && !bits {
        return Err(Failure::Usage(format!("metric {metric} compares bits: --dtype bits")));
    }
    if bits && !metric.is_binary() {
        let reason = format!(
            "metric {metric} does not compare bits; hamming, bit-jaccard, dice, russelrao do"
        );
        return Err(Failure::Usage(reason));
    }
    Ok(metric)
}

/// Reads a file of the two functions that [`Metric::wgsl`] takes.
///
/// The comment lines at its top may hold `// initial: NUMBER` and `// order: ascending` or `descending`. The text reaches the
/// compiler as it is, so that the lines of its errors are the file's.
fn read(file: &Path) -> Result<Metric> {
    let source = std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    // Editors of some systems put a byte order mark first, which is no WGSL.
    let source = source.strip_prefix('\u{feff}').unwrap_or(&source);
    parse(source).map_err(|(line, why)| Failure::Work(format!("{}:{line}: {why}", file.display())))
}

/// The metric of such a text, or what is wrong in which line of its header.
pub fn parse(source: &str) -> Result<Metric, (usize, String)> {
    let header = header(source)?;
    let order = header.order.unwrap_or(Order::Ascending);
    Ok(Metric::wgsl(source, header.initial.unwrap_or(0.0), order))
}

/// What the comment lines at the top of a metric say.
#[derive(Debug, Default, PartialEq)]
struct Header {
    initial: Option<f32>,
    order: Option<Order>,
}

/// Reads it, or says in which line what is wrong.
fn header(source: &str) -> Result<Header, (usize, String)> {
    let (mut header, mut code) = (Header::default(), None);
    for (number, line) in (1..).zip(source.lines()) {
        let Some(comment) = line.trim().strip_prefix("//") else {
            if !line.trim().is_empty() {
                code.get_or_insert(number);
            }
            continue;
        };
        let Some((key, value)) = comment.trim_start_matches('/').split_once(':') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if !matches!(&*key, "initial" | "order") {
            continue;
        }
        if let Some(code) = code {
            let why = format!(
                "`// {key}:` belongs above line {code}, the first that is no // comment: here nothing reads it"
            );
            return Err((number, why));
        }
        let agrees = if key == "initial" {
            let initial = value.parse().ok().filter(|v: &f32| v.is_finite());
            let initial = initial.ok_or((number, format!("{value:?} is no finite number")))?;
            *header.initial.get_or_insert(initial) == initial
        } else {
            let order = value
                .parse()
                .map_err(|_| (number, format!("{value:?} is neither ascending nor descending")))?;
            *header.order.get_or_insert(order) == order
        };
        if !agrees {
            return Err((number, format!("a second `// {key}:` that says something else")));
        }
    }
    Ok(header)
}

/// An error of the compiler in the form that editors jump to: FILE:LINE:COLUMN.
pub fn locate(file: &Path, error: Error) -> Failure {
    let file = file.display();
    match error {
        Error::Shader { line: 0, message, .. } => Failure::Work(format!("{file}: {message}")),
        Error::Shader { line, column, message } => {
            // The compiler was not told the file's name, nor that "error" stands before all of it.
            let message = message.replace(&format!("metric:{line}:"), &format!("{file}:{line}:"));
            let message = message.strip_prefix("error: ").unwrap_or(&message).trim_end();
            Failure::Work(format!("{file}:{line}:{column}: {message}"))
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_where_acc_begins_and_which_end_is_near() {
        let read = |text| header(text).unwrap();
        let both = Header { initial: Some(1.5), order: Some(Order::Descending) };
        assert_eq!(read("// Order: Descending\n\n/// INITIAL : 1.5\nfn f() {}\n"), both);
        assert_eq!(read("// order: descending\n//initial:1.5\n// order: DESCENDING"), both);
        assert_eq!(
            read("// initial value: 2\nfn f() {} // order: descending\n"),
            Header::default()
        );
    }

    #[test]
    fn what_a_header_says_twice_or_too_late_is_an_error() {
        let wrong = |text| header(text).unwrap_err();
        assert_eq!(wrong("// order: ascending\n// order: descending\n").0, 2);
        assert_eq!(wrong("// initial: 0\n//\n// Initial: 1\n").0, 3);
        let (line, why) = wrong("// mine\nfn f() {\n    // order: descending\n}\n");
        assert!(line == 3 && why.contains("belongs above line 2"), "{why}");
        assert_eq!(wrong("/* mine */\n// initial: 1\n").0, 2);
        assert_eq!(wrong("// initial: NaN\n").0, 1);
    }
}

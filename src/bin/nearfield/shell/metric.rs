//! The metric that was asked for: one by its name, or one of the user's from a file of WGSL.

use super::failure::{Failure, Result};
use crate::args::{Common, MetricName};
use nearfield::{DType, Error, Metric, Order};
use std::path::Path;

/// The metric of a search, for the type that the base will have.
pub fn of(args: &Common) -> Result<Metric> {
    let bits = args.dtype == Some(DType::Bits);
    let metric = match &args.metric {
        MetricName::Plain(name) => Metric::from_name(name, args.dtype.unwrap_or(DType::F32))?,
        MetricName::Wgsl(file) => read(file)?,
    };
    if metric.is_binary() && !bits {
        return Err(Failure::Usage(format!("metric {metric} compares bits: --dtype bits")));
    }
    if bits && !metric.is_binary() {
        let reason =
            format!("metric {metric} does not compare bits; hamming, jaccard, dice, russelrao do");
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
    let (mut initial, mut order) = (0.0, Order::Ascending);
    let comments = source.lines().map(str::trim).enumerate();
    for (number, line) in comments.take_while(|(_, l)| l.is_empty() || l.starts_with("//")) {
        let comment = line.trim_start_matches('/');
        let Some((key, value)) = comment.split_once(':') else { continue };
        let wrong = |wanted| {
            let (file, number) = (file.display(), number + 1);
            Failure::Work(format!("{file}:{number}: {:?} is {wanted}", value.trim()))
        };
        match (key.trim(), value.trim()) {
            ("initial", value) => {
                let number = value.parse().ok().filter(|v: &f32| v.is_finite());
                initial = number.ok_or_else(|| wrong("no finite number"))?;
            }
            ("order", "ascending") => order = Order::Ascending,
            ("order", "descending") => order = Order::Descending,
            ("order", _) => return Err(wrong("neither ascending nor descending")),
            _ => {}
        }
    }
    Ok(Metric::wgsl(source, initial, order))
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

//! What is said of rows that were skipped.

use super::failure::{Failure, Result};
use super::print;
use nearfield::Metric;
use std::path::Path;

/// Rows that a line names; the JSON has all.
const NAMED: usize = 10;

/// Refuses to skip rows where NaN is a missing value.
pub fn check(skip_nan: bool, metric: &Metric) -> Result<()> {
    if skip_nan && metric.allows_nan() {
        let why = format!("--skip-nan: {metric} takes NaN for a missing value, and skips no row");
        return Err(Failure::Usage(why));
    }
    Ok(())
}

/// Lists rows on stderr, if there are any.
pub fn warn(file: &Path, rows: &[u64], what: &str) {
    if rows.is_empty() {
        return;
    }
    let (one, rest) = (rows.len() == 1, rows.len().saturating_sub(NAMED));
    let named: Vec<_> = rows.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    print::to_stderr(format_args!(
        "warning: {}: {} with NaN or infinity {} skipped{what}: {}{more}",
        file.display(),
        if one { "1 row".to_owned() } else { format!("{} rows", rows.len()) },
        if one { "is" } else { "are" },
        named.join(", ")
    ));
}

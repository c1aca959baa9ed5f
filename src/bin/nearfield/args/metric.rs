//! The name of a metric, known to be one.

use nearfield::{DType, Metric};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A metric's name, known to be one.
#[derive(Clone)]
pub enum MetricName {
    Plain(String),
    Wgsl(PathBuf),
}

impl MetricName {
    /// The file that holds it.
    pub fn file(&self) -> Option<&Path> {
        match self {
            MetricName::Plain(_) => None,
            MetricName::Wgsl(file) => Some(file),
        }
    }
}

impl FromStr for MetricName {
    type Err = nearfield::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(file) = name.strip_prefix("wgsl:") {
            return Ok(MetricName::Wgsl(file.into()));
        }
        // Every name is one of a metric on numbers or on bits alone; which of both jaccard is depends on --dtype.
        Metric::from_name(name, DType::F32).map(|metric| MetricName::Plain(metric.to_string()))
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricName::Plain(name) => f.write_str(name),
            MetricName::Wgsl(file) => write!(f, "wgsl:{}", file.display()),
        }
    }
}

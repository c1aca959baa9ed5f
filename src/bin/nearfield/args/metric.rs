//! The name of a metric, known to be one.

use nearfield::{DType, Metric};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A metric's name, known to be one.
#[derive(Clone)]
pub enum MetricName {
    Plain(String),
    Wgsl(PathBuf),
}

impl FromStr for MetricName {
    type Err = nearfield::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(file) = name.strip_prefix("wgsl:") {
            return Ok(MetricName::Wgsl(file.into()));
        }
        // Every name is one of a metric on numbers or on bits alone; which of both jaccard is depends on --dtype.
        Metric::from_name(name, DType::F32).map(|_| MetricName::Plain(name.to_owned()))
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

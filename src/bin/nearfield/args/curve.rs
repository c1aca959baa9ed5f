//! What `curve` takes.

use super::metric::MetricName;
use super::reading::Reading;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct CurveArgs {
    /// The index, of lists or a graph, as `nearfield build` wrote it
    #[arg(long, value_name = "FILE")]
    pub load: PathBuf,
    /// Queries such as will be asked, some hundred or more, in any format that `search` reads
    #[arg(long, value_name = "FILE")]
    pub query: PathBuf,
    /// Of an index of hnswlib, whose file does not say it: elements of a row
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(1..))]
    pub dim: Option<u64>,
    /// Of an index of hnswlib: how its rows are compared, l2, ip or cosine
    #[arg(long, value_name = "NAME", requires = "dim")]
    pub metric: Option<MetricName>,
    #[command(flatten)]
    pub reading: Reading,
    /// How many neighbours
    #[arg(short, long = "top-k", visible_alias = "k", value_name = "K", display_order = 0, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    pub k: u64,
    /// The share of the k nearest rows that is to be found
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = share)]
    pub recall: f64,
    /// Draw the curve as an SVG file (feature `charts`)
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print the curve as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Above 0, at most 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "not above 0 and at most 1".into())
}

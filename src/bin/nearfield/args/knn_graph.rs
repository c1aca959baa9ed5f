//! What `knn-graph` takes.

use super::metric::MetricName;
use super::reading::Reading;
use clap::Args;
use nearfield::DType;
use std::path::PathBuf;

#[derive(Args)]
pub struct KnnGraphArgs {
    /// How many neighbours of each row, also beyond the number of rows; at most 67108864
    #[arg(short, long = "neighbors", value_name = "K", display_order = 0, value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    pub k: u64,
    /// Rows, in any format that `search` reads; they have to fit in device memory
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// The metric, by any name that `search` knows
    #[arg(long, value_name = "NAME", default_value = "l2")]
    pub metric: MetricName,
    /// Convert the rows, as `search` does
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DType>,
    /// Round although more than 1 % of the rows change by more than 1 % of their length, which is an error otherwise
    #[arg(long, requires = "dtype")]
    pub force: bool,
    #[command(flatten)]
    pub reading: Reading,
    /// Look for neighbours in the nearest of N lists of rows, which is faster for many rows and misses some; some 4 times the root of the
    /// number of rows are usual
    #[arg(long, value_name = "N", requires = "nprobe", value_parser = clap::value_parser!(u64).range(1..=1 << 31))]
    pub nlist: Option<u64>,
    /// Look at P lists for each row
    #[arg(long, value_name = "P", requires = "nlist", value_parser = clap::value_parser!(u64).range(1..))]
    pub nprobe: Option<u64>,
    /// The file of row numbers to write, K of each row: .npy, .ivecs or .ibin
    #[arg(long, value_name = "FILE")]
    pub out_ids: PathBuf,
    /// The file of their distances to write: f32, in any format that holds it
    #[arg(long, value_name = "FILE")]
    pub out_distances: PathBuf,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

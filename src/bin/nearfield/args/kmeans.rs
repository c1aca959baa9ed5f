//! What `kmeans` takes.

use super::metric::MetricName;
use super::reading::Reading;
use clap::Args;
use nearfield::{DType, KMeansInit};
use std::path::PathBuf;

#[derive(Args)]
pub struct KMeansArgs {
    /// How many centroids
    #[arg(short, long = "centroids", value_name = "K", display_order = 0, value_parser = clap::value_parser!(u64).range(1..=1 << 31))]
    pub k: u64,
    /// Rows to cluster, in any format that `search` reads
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// The metric that rows are assigned by, by any name that `search` knows but those of bits
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
    /// Iterations
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub niter: u64,
    /// Begin so often, and keep the centroids of the best objective
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub nredo: u64,
    /// What random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1234)]
    pub seed: u64,
    /// Where centroids begin: at random rows, or by kmeans++
    #[arg(long, value_name = "random|kmeans++", default_value_t)]
    pub init: KMeansInit,
    /// Bring centroids to length 1 after each iteration; those of cosine and cosine-distance always are
    #[arg(long)]
    pub spherical: bool,
    /// Move the centroids of small clusters into large ones, so that sizes are nearer to each other
    #[arg(long)]
    pub balance: bool,
    /// Read N rows of the file alone, spread over all of it at random, where it has more
    #[arg(long, value_name = "N", conflicts_with_all = ["labels", "skip_nan"], value_parser = clap::value_parser!(u64).range(1..))]
    pub train_rows: Option<u64>,
    /// Of more rows a centroid than N, train on a random choice of so many
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_points_per_centroid: u64,
    /// The file of centroids to write: f32, in any format that holds it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Write the number of each row's centroid, too: .npy, .ivecs or .ibin; -1 for rows that are skipped
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

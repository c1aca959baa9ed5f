//! What `build` takes.

use super::metric::MetricName;
use super::reading::Reading;
use clap::Args;
use nearfield::DType;
use std::path::PathBuf;

#[derive(Args)]
pub struct BuildArgs {
    /// Rows to index, in any format that `search` reads
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// The kind of index, by FAISS's name; Flat of bits is a BinaryFlat
    #[arg(long, value_name = "FACTORY", default_value = "Flat")]
    pub index: String,
    /// The metric, by any name that `search` knows; the index keeps it
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
    /// Give the rows these ids instead of their numbers: a file of ids, as many as rows
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// The file to write; its extension says what it is: .nf is an index file of this program
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

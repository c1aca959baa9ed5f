//! What `convert` takes.

use super::metric::MetricName;
use super::reading::Reading;
use super::rounding::Rounding;
use clap::{Args, ValueEnum};
use nearfield::DType;
use std::path::PathBuf;

#[derive(Args)]
pub struct ConvertArgs {
    /// The file to read: of rows, or an index, which its first bytes tell
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to write; its extension says what it is: of an index .nf, .faiss or (of a graph) .hnswlib, and for these a GPU is needed
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Type of the output's elements [default: the input's, or the only one that the output holds]
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DType>,
    /// What the u16 of an .npy are: bfloat16, to make another type of them
    #[arg(long, value_name = "TYPE", value_enum)]
    pub from: Option<Untold>,
    /// Of an index of hnswlib, whose file does not say it: elements of a row
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(1..))]
    pub dim: Option<u64>,
    /// Of an index of hnswlib: how its rows are compared, l2, ip or cosine
    #[arg(long, value_name = "NAME", requires = "dim")]
    pub metric: Option<MetricName>,
    #[command(flatten)]
    pub rounding: Rounding,
    #[command(flatten)]
    pub reading: Reading,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// What a file may hold that does not say so.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Untold {
    Bf16,
}

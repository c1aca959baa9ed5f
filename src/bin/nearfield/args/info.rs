//! What `info` takes.

use super::metric::MetricName;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct InfoArgs {
    /// An index of this program, of FAISS or of hnswlib, which its first bytes tell, or a file of rows or ids
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Read the whole file: check each checksum of an index, of FAISS's each length and value, or that every row can be read
    #[arg(long)]
    pub verify: bool,
    /// Of a file of hnswlib, which does not say it: elements of a row
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(1..))]
    pub dim: Option<u64>,
    /// Of a file of hnswlib: how its rows are compared, l2, ip or cosine
    #[arg(long, value_name = "NAME", requires = "dim")]
    pub metric: Option<MetricName>,
    /// Print it as one line of JSON
    #[arg(long)]
    pub json: bool,
}

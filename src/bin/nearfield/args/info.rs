//! What `info` takes.

use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct InfoArgs {
    /// An index of this program or of FAISS, which its first bytes tell, or a file of rows or ids
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Read the whole file: check each checksum of an index, of FAISS's each length and value, or that every row can be read
    #[arg(long)]
    pub verify: bool,
    /// Print it as one line of JSON
    #[arg(long)]
    pub json: bool,
}

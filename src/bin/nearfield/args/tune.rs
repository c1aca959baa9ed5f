//! What `tune` takes.

use super::numbers::minutes;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
pub struct TuneArgs {
    /// What to tune: any of the seven, several with commas between them [default: all]
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    pub kernel: Vec<Tuned>,
    /// Rows to time with [default: 500000, on a software driver 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1024..))]
    pub rows: Option<u32>,
    /// Dimensions to time with: a choice has to pay over all of them [default: 128,768, on a software driver 64]
    #[arg(long, value_name = "D", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub dim: Vec<u32>,
    /// The profile to write
    #[arg(long, value_name = "FILE", default_value = "nearfield-profile.toml")]
    pub out: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Begin no more candidates after so many minutes [default: 5, with --quick 1]
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub minutes: Option<f64>,
    /// Try the likeliest shapes alone, and repeat less
    #[arg(long)]
    pub quick: bool,
    /// Print the candidates as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Parts of a profile that `tune` measures.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tuned {
    /// Tiles of the f32 scan, and up to how many queries the rows are read one by one
    Scan,
    /// Tiles of the matrix units, and whether the f16 copy pays
    Matrix,
    /// Threads that select
    Select,
    /// How inverted lists are gone through, by few queries and by many
    Lists,
    /// From how many queries on codes of a product quantizer are decoded into tiles, in lists and in none
    Codes,
    /// Threads that follow the edges of a graph, and up to how many rows all are compared instead
    Graph,
    /// The rate that submissions are cut by, and how a thread waits
    Submit,
}

//! How hits are printed.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How hits are printed that go to no file.
#[derive(Args)]
pub struct Printing {
    /// How the hits on stdout are printed [default: tsv]
    #[arg(long, value_name = "FORMAT", value_enum, conflicts_with = "out")]
    pub format: Option<HitFormat>,
    /// Print the text of each hit, too: a file of UTF-8 with a line for each id, that of id 0 first
    ///
    /// It is the last column, or the field `label` of JSON. A file with fewer lines than ids is refused.
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub labels: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HitFormat {
    /// A line a hit: query, rank, id, distance and the label, with tabs between them
    #[default]
    Tsv,
    /// One array of objects with the fields query, rank, id, distance and label
    Json,
    /// The same objects, one a line
    Jsonl,
}

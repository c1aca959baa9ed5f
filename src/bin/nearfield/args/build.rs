//! What `build` takes.

use super::metric::MetricName;
use super::reading::Reading;
use clap::Args;
use nearfield::{DType, Originals};
use std::path::PathBuf;

#[derive(Args)]
pub struct BuildArgs {
    /// Rows to index, in any format that `search` reads
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// The kind of index, by FAISS's name: Flat, of bits a BinaryFlat; IVF4096,Flat of 4096 lists, of bits BIVF4096, of which a search looks at the
    /// nearest; SQ8 (SQ6, SQ4, SQfp16, SQbf16, SQ8_direct), PQ16 (PQ16x4) or RaBitQ4 of codes, IVF4096,SQ8 or IVF4096,PQ16 of lists of codes of
    /// residuals (IVF4096,SQ8_rows of rows); LSH256r (LSH, LSH64, LSH256rt) of signs, under l2; HNSW32 or CAGRA64 of a graph; each behind transforms (PCA64,IVF4096,SQ8 or
    /// OPQ16,PQ16), or before RFlat (IVF4096,PQ16,RFlat), where candidates are compared again by the rows
    #[arg(long, value_name = "FACTORY", default_value = "Flat")]
    pub index: String,
    /// Where lists of codes (IVF1024,SQ8) keep the rows that these are of: none, or, for exact distances, device, at the cost of their memory
    /// there, or host; scalar codes are of rows then, and not of residuals; behind transforms (RR,IVF1024,RaBitQ4) of what these make of rows
    #[arg(long, value_name = "WHERE", default_value = "none")]
    pub originals: Originals,
    /// Rows to learn the lists from, in any of the same formats and converted likewise: at most 256 a list of them, picked at random
    /// [default: those of --base]
    #[arg(long, value_name = "FILE")]
    pub train: Option<PathBuf>,
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
    /// Give the rows these ids instead of their numbers: a file of ids, as many as rows: whole numbers of 32 or 64 bits in an
    /// .npy, .ivecs or .ibin, or a text by any other extension, an id a line
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// The file to write; its extension says what it is:
    /// .nf is an index file of this program, .faiss one of FAISS, .hnswlib (of HNSW32 or CAGRA64) one of hnswlib
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

//! What `bench` takes.

use super::numbers::peak;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub struct BenchArgs {
    /// quick, exact, batch, k, n, metrics, range, lists, codes, graph, all, or a file of your own that ends in .toml
    ///
    /// `quick` runs anywhere in a minute. The others need a GPU, and 10 GB of its memory for 10 million rows in `exact` and
    /// `n`: `exact` compares metrics, dimensions and kernels, `batch` varies the number of queries, `k` that of neighbours,
    /// `n` that of rows, and `all` runs these four; `metrics` has those that are no products, `range` searches by radius, `lists`
    /// looks at some of 4096 inverted lists, and `codes` has the rows as codes. A file says which rows are made and which searches of them are timed: [[base]] with n, d, metric ("l2"), perhaps dtype
    /// ("f32", "f16", "u8", "bits"), wgsl (the text of the same metric as functions of yours, to search by them), settings of the
    /// device profile with a label for them, and cases = [{ name = "a few", queries = [1, 100], k = 10 }]. A case may have
    /// within = true, which asks for all rows within a radius that gives about k hits, and a filter: "half" of the rows, or "half
    /// by query" with a bitmap for each, "half prepared" and "half by query prepared" with the filter on the device before. A base
    /// with lists = 64 has its rows in inverted lists, and its cases say nprobe = [4, 16]; index = "IVF64,PQ16" or "SQ8" makes codes of them.
    /// benches/suites has the shipped ones, benches/README.md the whole format.
    #[arg(long, value_name = "NAME|FILE", default_value = "quick")]
    pub suite: String,
    /// Only the cases whose description has this in it: "one query", "768 f32 l2", "k = 100)", ...
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write the figures to this file: CSV, one line a measurement
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write them to this file as one JSON document: with the adapter, the date, and the device time of each stage
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw charts into this folder: rate by batch size and by k, time by rows, roofline (feature `charts`)
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Measure nothing, and draw what this document says, which --json of another run wrote
    #[arg(long, value_name = "FILE", requires = "svg", conflicts_with_all = ["suite", "only", "csv", "json"])]
    pub from: Option<PathBuf>,
    /// Draw other programs beside it, and of our cases those that they have: a table of benches/peers, with name, n, d, queries,
    /// k, ms and queries_per_s
    #[arg(long, value_name = "FILE.csv", requires = "svg")]
    pub peers: Option<PathBuf>,
    /// The device's memory bandwidth in GB/s, for the share of the roofline that a scan reaches
    #[arg(long, value_name = "GB/S", requires = "peak_tflops", value_parser = peak)]
    pub peak_gbs: Option<f64>,
    /// The device's peak in TFLOP/s, of the units that scan: f16 matrix units where a profile asks for the f16 copy
    #[arg(long, value_name = "TFLOP/S", requires = "peak_gbs", value_parser = peak)]
    pub peak_tflops: Option<f64>,
}

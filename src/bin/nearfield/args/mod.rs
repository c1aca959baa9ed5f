//! The arguments, and what is wrong with them before any file is opened: one file a command, and those that several share.

mod bench;
mod build;
mod common;
mod completions;
mod convert;
mod curve;
mod devices;
mod help;
mod hits;
mod info;
mod kmeans;
mod knn_graph;
mod metric;
mod numbers;
mod param;
mod range;
mod reading;
mod rounding;
mod search;
mod tune;

pub use bench::BenchArgs;
pub use build::BuildArgs;
pub use common::Common;
pub use completions::CompletionsArgs;
pub use convert::{ConvertArgs, Untold};
pub use curve::CurveArgs;
pub use devices::DevicesArgs;
pub use hits::HitFormat;
pub use info::InfoArgs;
pub use kmeans::KMeansArgs;
pub use knn_graph::KnnGraphArgs;
pub use metric::MetricName;
pub use range::RangeArgs;
pub use search::SearchArgs;
pub use tune::{TuneArgs, Tuned};

use numbers::bytes;

use clap::{Args, Parser, Subcommand};

/// Exact nearest-neighbour search on every GPU.
#[derive(Parser)]
#[command(
    version,
    after_help = help::PROGRAM
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Run on the adapter at this place of `nearfield devices`, on the one with this PCI id (0000:41:00.0), or on the first
    /// whose name or driver contains the text; a number is a place and nothing else
    #[arg(long, global = true, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Use at most this much device memory, such as 512M, 1.5G (of 2^30 bytes, as GiB) or 8GB (of 10^9); a base that does
    /// not fit is streamed from its file [default: 80 % of the adapter's]
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes)]
    pub memory_budget: Option<u64>,
    /// Print nothing but errors, hits, and what --json and --stats ask for
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// List the adapters, and what the chosen one can do
    #[command(after_help = help::DEVICES)]
    Devices(DevicesArgs),
    /// Find the k nearest rows of each query
    #[command(after_help = help::SEARCH)]
    Search(SearchArgs),
    /// Find all rows within a radius of each query
    #[command(after_help = help::RANGE)]
    Range(RangeArgs),
    /// Write an index of the rows of a file, which `search --load` and `range --load` search
    #[command(after_help = help::BUILD)]
    Build(BuildArgs),
    /// Find k centroids of the rows of a file
    #[command(name = "kmeans", after_help = help::KMEANS)]
    KMeans(KMeansArgs),
    /// Find the k nearest other rows of each row of a file
    #[command(after_help = help::KNN_GRAPH)]
    KnnGraph(KnnGraphArgs),
    /// Measure how many lists of an index have to be looked at for a recall, or how many rows a search of a graph has to keep
    #[command(after_help = help::CURVE)]
    Curve(CurveArgs),
    /// Say what an index or a file of rows holds; needs no GPU
    #[command(after_help = help::INFO)]
    Info(InfoArgs),
    /// Write a file of vectors in another format or type, or an index in another format, by the extension
    #[command(after_help = help::CONVERT)]
    Convert(ConvertArgs),
    /// Check exact search on generated rows against f64, and time it
    #[command(after_help = help::BENCH)]
    Bench(BenchArgs),
    /// Measure which kernel shapes are fastest here, and write them as a device profile
    #[command(after_help = help::TUNE)]
    Tune(TuneArgs),
    /// Print what a shell completes after `nearfield`
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_of_its_own() {
        for command in Cli::command().get_subcommands() {
            let below = command.get_after_help().expect("a help").to_string();
            let example = format!("\n  nearfield {} ", command.get_name());
            assert!(
                format!("{below} ").replace('\n', " \n").contains(&example.replace('\n', " \n")),
                "{example}"
            );
            assert!(below.contains("Exit status:"), "{example}");
        }
    }
}

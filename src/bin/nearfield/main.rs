//! `nearfield`: exact nearest-neighbour search on files of vectors, from the command line.
//!
//! Exit status: 0, also where whoever reads stdout has enough; 1 when the work failed or stdout could not be written; 2 when the
//! arguments are wrong, by themselves or for these files; 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM.

mod args;
mod commands;
mod shell;

use args::{Cli, Command};
use clap::Parser;
use commands::{
    bench, build, completions, convert, curve, devices, info, kmeans, knn_graph, range, search,
    tune,
};
use shell::failure::Failure;
use shell::{print, stop};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong arguments, --help and --version end in here, with status 2, 0 and 0.
    let cli = Cli::parse();
    start_log(cli.global.quiet);
    if let Err(error) = stop::listen() {
        // The system's own way to end by a signal is left, which leaves temporary files behind.
        log::warn!("signals are not listened to: {error}");
    }
    let outcome = match &cli.command {
        Command::Devices(args) => devices::run(args, &cli.global),
        Command::Search(args) => search::run(args, &cli.global),
        Command::Range(args) => range::run(args, &cli.global),
        Command::Build(args) => build::run(args, &cli.global),
        Command::KMeans(args) => kmeans::run(args, &cli.global),
        Command::KnnGraph(args) => knn_graph::run(args, &cli.global),
        Command::Curve(args) => curve::run(args, &cli.global),
        Command::Info(args) => info::run(args, &cli.global),
        Command::Convert(args) => convert::run(args, &cli.global),
        Command::Bench(args) => bench::run(args, &cli.global),
        Command::Tune(args) => tune::run(args, &cli.global),
        Command::Completions(args) => completions::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What a signal ends may fail in words of its own.
            let failure = if stop::status().is_some() { Failure::Stopped } else { failure };
            if failure.status() == 0 {
                return ExitCode::SUCCESS;
            }
            print::to_stderr(format_args!("error: {failure}"));
            ExitCode::from(failure.status())
        }
    }
}

/// Warnings go to stderr, unless `RUST_LOG` asks for more or less.
fn start_log(quiet: bool) {
    let level = if quiet { "error" } else { "error,nearfield=warn" };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format(|out, record| {
            // The same word as the warnings of the program itself.
            let level = match record.level() {
                log::Level::Warn => "warning".to_owned(),
                level => level.as_str().to_lowercase(),
            };
            writeln!(out, "{level}: {}", record.args())
        })
        .init();
}
